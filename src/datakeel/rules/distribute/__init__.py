"""Rules of the step `distribute`; found by walking."""
