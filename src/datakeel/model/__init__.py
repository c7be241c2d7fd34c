"""The system model: nouns only."""
