"""Findings → edits of the user's files, and tests that show them."""
