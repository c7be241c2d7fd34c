"""Rules of the step `encode`; found by walking."""
