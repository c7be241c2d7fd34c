"""One folder for each thing that is written: its module `write`, and its templates."""
