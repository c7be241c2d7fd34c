"""Findings → edits of the user's files."""
