"""Measures speed and memory of training and of the input path; nothing imports it."""
