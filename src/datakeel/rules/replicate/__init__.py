"""Rules of the step `replicate`; found by walking."""
