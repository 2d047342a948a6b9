"""The growing GAN has as many parameters and channels as the publications say."""

from functools import partial

import jax
import pytest

from synthjax.gan.networks.prog_gan import ProgGanConfig, make_networks

# Published widths: counts derived from the publication's equations.
PUBLISHED = [
    (32, 14, 20_830_212, 20_729_871),
    (64, 14, 22_600_453, 22_500_623),
    (32, 6, 20_764_676, 20_725_767),
    (64, 6, 22_534_917, 22_496_519),
]


def sizes(networks):
    key = jax.random.key(0)
    trees = (networks.init_generator, networks.init_discriminator)
    return tuple(
        sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(tree, key)))
        for tree in trees
    )


@pytest.mark.slow
@pytest.mark.parametrize(("side", "labels", "generator", "discriminator"), PUBLISHED)
def test_parameter_counts(side, labels, generator, discriminator):
    made = make_networks(ProgGanConfig(), resolution=side, channels=1, labels=labels)
    assert sizes(made) == (generator, discriminator)


@pytest.mark.slow
def test_parameter_counts_of_the_original_paper():
    made = make_networks(ProgGanConfig(), resolution=1024, channels=3, labels=0)
    assert sizes(made) == (23_079_115, 23_087_249)


@pytest.mark.slow
@pytest.mark.parametrize("side", [128, 256, 512])
def test_parameter_counts_grow_by_one_level(side):
    config = ProgGanConfig()
    make = partial(make_networks, config, channels=1, labels=14)
    below, here = sizes(make(resolution=side // 2)), sizes(make(resolution=side))
    outer, inner = config.channels(side), config.channels(side // 2)
    generator = 9 * (inner + outer) * outer + 2 * outer + (outer + 1)
    discriminator = 9 * outer * (outer + inner) + outer + inner + 2 * outer
    assert (here[0] - below[0], here[1] - below[1]) == (generator, discriminator)


def test_published_channels():
    channels = [ProgGanConfig().channels(side) for side in (4, 32, 64, 128, 256)]
    assert channels == [512, 512, 256, 128, 64]
