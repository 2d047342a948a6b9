"""Estimates with intervals: float64 numpy on the host, exact, nothing flipped."""
