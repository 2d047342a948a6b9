"""Draws the pictures that a person looks at beside the numbers."""
