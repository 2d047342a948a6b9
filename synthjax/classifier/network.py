"""A classifier as plain functions, whatever network is behind it."""

import dataclasses
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from synthjax.classifier.config import MODELS, ClassifierConfig
from synthjax.core.errors import ConfigError

MINIMUM_RESOLUTION = 16


@dataclasses.dataclass(frozen=True)
class Network:
    """A network for images of one size; parameters are always an argument."""

    module: Any  # the network; has `apply`, `init` and a method `features`
    resolution: int  # image side, pixels
    channels: int  # 1 grey, 3 colour

    def init(self, key: Key[Array, ""]) -> Any:
        """Fresh float32 parameters."""
        image = jnp.zeros((1, self.resolution, self.resolution, self.channels))
        return self.module.init(key, image)["params"]

    def logits(
        self, params: Any, image: Float[Array, "b h w c"]
    ) -> Float[Array, "b y"]:
        """Logits of the labels for images in -1..1."""
        return self.module.apply({"params": params}, image)

    def features(
        self, params: Any, image: Float[Array, "b h w c"]
    ) -> Float[Array, "b f"]:
        """Pooled features, what the last layer sees, for images in -1..1."""
        return self.module.apply(
            {"params": params}, image, method=type(self.module).features
        )


def make_network(
    config: ClassifierConfig, *, n_labels: int, resolution: int, channels: int
) -> Network:
    """The network that the config names, for one kind of image.

    Raises:
      ConfigError: the images are too small for it.
    """
    if resolution < MINIMUM_RESOLUTION:
        raise ConfigError(
            f"config.data.resolution={resolution}: the classifier needs images of at "
            f"least {MINIMUM_RESOLUTION} px"
        )
    return Network(MODELS[config.model](config, n_labels), resolution, channels)
