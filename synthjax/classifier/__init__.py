"""Classifiers of findings: the same network and steps, on real and on synthetic images."""
