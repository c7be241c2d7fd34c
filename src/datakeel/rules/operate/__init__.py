"""Rules of the step `operate`; found by walking."""
