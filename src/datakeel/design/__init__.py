"""Requirements → decisions, with reasons."""
