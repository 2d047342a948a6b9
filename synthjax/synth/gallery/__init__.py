"""Draws pictures and videos that a person looks at."""
