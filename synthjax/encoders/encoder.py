"""An encoder made of a function of images."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, UInt

from synthjax.data.images.transforms import to_image
from synthjax.metrics.encoder import Fit

# (params, images in -1..1) -> features
Features = Callable[[Any, Float[Array, "b h w c"]], Float[Array, "b d"]]
PART = 32  # images that a large network sees at a time on a device


@dataclass(frozen=True)
class FunctionEncoder:
    """An Encoder of synthjax.metrics; its parameters are always an argument."""

    name: str  # for people: kind, size, where from
    size: int  # features per image
    params: Any  # float32 arrays on the host
    features: Features
    fit: Fit = ""  # what they still need of real training images; see Encoder.fit
    published: bool = False  # whether the literature compares them; Encoder.published

    def encode(
        self, params: Any, pixels: UInt[Array, "b h w c"]
    ) -> Float[Array, "b d"]:
        """Returns float32 features of stored pixels of 8 or 16 bits; traceable."""
        return self.features(params, to_image(pixels))


def in_parts(features: Features, part: int = PART) -> Features:
    """Returns the same features, made of `part` images at a time.

    A batch of images at 224 or 299 px would take gigabytes in the first layers.
    """

    def parted(params: Any, image: Float[Array, "b h w c"]) -> Float[Array, "b d"]:
        count = image.shape[0]
        if count <= part:
            return features(params, image)
        short = -count % part
        image = jnp.pad(image, ((0, short), *(((0, 0),) * 3)))
        parts = image.reshape(-1, part, *image.shape[1:])
        encoded = lax.map(lambda images: features(params, images), parts)
        return encoded.reshape(-1, encoded.shape[-1])[:count]

    return parted
