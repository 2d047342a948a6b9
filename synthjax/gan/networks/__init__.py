"""One file per GAN, each with one generator and one discriminator."""
