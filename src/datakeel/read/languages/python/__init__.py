"""Python: its text into the neutral tree."""
