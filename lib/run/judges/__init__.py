"""Judges turn predictions into figures; one is made from the data set for each metric of TEST.METRICS."""
