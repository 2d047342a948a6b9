"""Moves examples between arrays, the disk and the devices."""
