"""Renders chest radiographs with 14 findings whose truth is known."""
