"""Rules of the step `store`; found by walking."""
