"""Rules of the step `derive`; found by walking."""
