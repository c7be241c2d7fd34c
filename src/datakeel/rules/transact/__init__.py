"""Rules of the step `transact`; found by walking."""
