"""Drawing of poses and curves on plain arrays."""
