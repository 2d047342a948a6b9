"""Measures how well classifiers do, and the gap between their arms."""
