"""The same person from frame to frame: identities and smoothing."""
