"""Rules of the step `process`; found by walking."""
