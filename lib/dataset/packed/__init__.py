"""Packed data sets: the part of each image that training can show, decoded once and read by memory mapping."""
