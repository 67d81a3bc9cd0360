"""What tools/benchmark.py measures: each row against the plain way of doing the same work, in the same run."""
