"""Whether a review notices a protection that is gone: well-built modules of many kinds, and mutants of each."""
