"""Augments what the discriminator sees."""
