"""The tests, and what they stand on: `postgres`, a real server, and `interleave`, sessions stepped in order."""
