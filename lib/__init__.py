"""2-D human pose estimation: HRNet with unbiased data processing and its relatives."""
