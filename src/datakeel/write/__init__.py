"""A design → the project that fulfils it, in memory; the disk comes last."""
