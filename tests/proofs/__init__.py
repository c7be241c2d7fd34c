"""What the rules claim, shown on real systems."""
