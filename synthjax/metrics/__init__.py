"""Compares sets of images by their features; takes arrays alone."""
