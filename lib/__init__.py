"""2-D human pose estimation: HRNet with unbiased data processing and its relatives."""

import os

# Threads that spin while they wait for each other take the cores that loaders and neighbours need: with two threads on
# two busy cores a training was fifteen times slower than with one. OpenMP reads this when PyTorch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
