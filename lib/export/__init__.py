"""Networks as files that other programs run, with all that is needed to use them, and the proof that they are equal."""
