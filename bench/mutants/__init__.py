"""Whether what a generated project does for its data is proved: each mutant takes one protection out of it."""
