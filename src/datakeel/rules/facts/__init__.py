"""Questions that several rules ask, answered once."""
