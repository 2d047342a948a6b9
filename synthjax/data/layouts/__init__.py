"""Writes a phantom as the files that a hospital or a publication has."""
