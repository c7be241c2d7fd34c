"""Rules of the step `partition`; found by walking."""
