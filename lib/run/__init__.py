"""The commands' work: a configuration becomes a data set, a network and loops, and these become files and tables."""
