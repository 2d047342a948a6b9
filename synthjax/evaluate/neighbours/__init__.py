"""Finds the training images nearest to synthetic ones."""
