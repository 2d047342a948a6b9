"""Draw a synthetic twin of a real set from a trained generator."""
