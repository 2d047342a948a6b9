"""Turns an image file into an array of pixels."""
