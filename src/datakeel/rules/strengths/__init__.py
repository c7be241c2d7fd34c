"""What is done well: one file a pattern, beside its page."""
