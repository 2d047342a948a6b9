"""GAN inversion: how close a generator can come to a real image."""
