"""Where classifiers look, compared."""
