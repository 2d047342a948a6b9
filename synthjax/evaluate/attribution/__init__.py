"""Compares where classifiers look."""
