"""Poses as files that other programs read."""
