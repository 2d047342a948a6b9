"""How large both networks are, from their shapes alone."""

import json

import jax

from synthjax.core import rng
from synthjax.gan.config import MODELS, GanConfig
from synthjax.gan.networks.api import Networks
from synthjax.gan.presets import resolve


def parameter_counts(networks: Networks) -> dict[str, int]:
    """Trainable numbers of the generator and of the discriminator."""
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
    """One line of JSON: model, image and label sizes, parameters, preset numbers.

    Args:
      config: the gan section.
      resolution: of the images, pixels.
      channels: of the images.
      labels: findings per image.
    """
    config = resolve(config, resolution)
    shape = {"resolution": resolution, "channels": channels, "labels": labels}
    networks = MODELS[config.model](config, **shape)
    said = {"model": config.model, **shape, **parameter_counts(networks)}
    for name in ("kimg", "batch_size", "loss", "generator_learning_rate"):
        said[name] = getattr(config, name)
    return json.dumps(said)
