"""Published weight files: which there are, where they come from, and whether a file is the one that was meant."""
