"""How large both networks are, from their shapes alone."""

import json

import jax

from synthjax.core import rng
from synthjax.gan.config import GanConfig
from synthjax.gan.models import make_networks
from synthjax.gan.networks.api import Networks
from synthjax.gan.presets import resolve


def parameter_counts(networks: Networks) -> dict[str, int]:
    """Counts the trainable numbers of the generator and of the discriminator."""
    key = rng.key(0, "shape")
    trees = {
        "generator": jax.eval_shape(networks.init_generator, key),
        "discriminator": jax.eval_shape(networks.init_discriminator, key),
    }
    return {
        name: sum(leaf.size for leaf in jax.tree.leaves(tree))
        for name, tree in trees.items()
    }


def describe(config: GanConfig, *, resolution: int, channels: int, labels: int) -> str:
    """Returns a line of JSON: model, image and label sizes, parameters, presets.

    Args:
      config: the gan section.
      resolution: of the images, pixels.
      channels: of the images.
      labels: findings per image.
    """
    resolved = resolve(config, resolution)
    shape = {"resolution": resolution, "channels": channels, "labels": labels}
    networks = make_networks(resolved, **shape)
    said = {"model": config.model, **shape, **parameter_counts(networks)}
    for name in ("kimg", "batch_size", "loss", "generator_learning_rate"):
        said[name] = getattr(resolved, name)
    return json.dumps(said)
