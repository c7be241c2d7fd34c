"""Rules of the step `model`; found by walking."""
