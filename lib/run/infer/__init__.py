"""Poses from people's own pictures and videos: the steps from an input to its files."""
