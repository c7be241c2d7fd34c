"""Facts about products, as data: what they guarantee, what they take, what running them takes, each with its source."""

from datakeel.technologies.catalogue import Quantity, Technology, figure, key_of, known, technology, value

__all__ = ["Quantity", "Technology", "figure", "key_of", "known", "technology", "value"]
