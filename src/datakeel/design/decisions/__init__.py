"""One file for each question: `decide` answers it."""
