"""Renders head CT slices with five haemorrhages whose truth is known."""
