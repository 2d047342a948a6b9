"""A classifier as plain functions, whatever network is behind it."""

import dataclasses
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from synthjax.classifier.config import MODELS, ClassifierConfig
from synthjax.classifier.networks.resize import resize
from synthjax.core.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Network:
    """A network for images of one size; its variables are always an argument.

    Variables are a dict: `params`, and where the network has batch norm `batch_stats`,
    its running statistics.
    """

    module: Any  # has `apply`, `init`, a method `features` and SMALLEST, pixels
    resolution: int  # image side, pixels
    channels: int  # 1 grey, 3 colour
    input_size: int = (
        0  # side to which images are resized first, pixels; 0: as they are
    )
    resize: str = "antialias"  # how: antialias or paper

    def init(self, key: Key[Array, ""]) -> dict[str, Any]:
        """Fresh float32 variables."""
        image = jnp.zeros((1, self.resolution, self.resolution, self.channels))
        return dict(self.module.init(key, self.resized(image)))

    def resized(self, image: Float[Array, "b h w c"]) -> Float[Array, "b s s c"]:
        """Images as the first layer sees them; those that are, are left alone."""
        if not self.input_size:
            return image
        return resize(image, self.input_size, self.resize)

    def logits(
        self, variables: Any, image: Float[Array, "b h w c"]
    ) -> Float[Array, "b y"]:
        """Logits of the labels for images in -1..1; each depends on its image alone."""
        return self.module.apply(variables, self.resized(image))

    def features(
        self, variables: Any, image: Float[Array, "b h w c"]
    ) -> Float[Array, "b f"]:
        """Pooled features, what the last layer sees, for images in -1..1."""
        return self.module.apply(
            variables, self.resized(image), method=type(self.module).features
        )

    def train_logits(
        self, variables: Any, image: Float[Array, "b h w c"]
    ) -> tuple[Float[Array, "b y"], Any]:
        """Logits as training sees them, and the running statistics after this batch.

        Batch norm uses the statistics of the batch of all devices: with it, call this
        inside a mapped step. Without it the statistics are {}.
        """
        if "batch_stats" not in variables:
            return self.logits(variables, image), {}
        logit, moved = self.module.apply(
            variables, self.resized(image), train=True, mutable=["batch_stats"]
        )
        return logit, moved["batch_stats"]


def make_network(
    config: ClassifierConfig, *, n_labels: int, resolution: int, channels: int
) -> Network:
    """The network that the config names, for one kind of image.

    Raises:
      ConfigError: the images are too small for it.
    """
    module = MODELS[config.model](config, n_labels)
    if (config.input_size or resolution) < module.SMALLEST:
        key = "classifier.input_size" if config.input_size else "data.resolution"
        raise ConfigError(
            f"config.{key}={config.input_size or resolution}: the classifier "
            f"{config.model} needs images of at least {module.SMALLEST} px; "
            "config.classifier.input_size can enlarge them"
        )
    return Network(module, resolution, channels, config.input_size, config.resize)
