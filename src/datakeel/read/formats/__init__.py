"""Files that are no programs: each format's reader turns a text into facts, from that text alone."""
