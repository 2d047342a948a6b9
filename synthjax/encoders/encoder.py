"""What an encoder is, and what names one."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, UInt

from synthjax.classifier.networks import pretrained
from synthjax.classifier.networks.densenet import LAYERS
from synthjax.core.errors import ConfigError
from synthjax.data.images.transforms import to_image
from synthjax.metrics.encoder import Fit

# Where people get the file of weights that an encoder reads; nothing is downloaded.
SOURCES = {
    "inception": (
        "The project pytorch-fid publishes these weights as "
        "pt_inception-2015-12-05-6726825d.pth, which can run code when it is read; where "
        "PyTorch is installed, convert it with safetensors.torch.save_file(torch.load("
        "'pt_inception-2015-12-05-6726825d.pth', weights_only=True), "
        "'inception.safetensors')"
    ),
    **dict.fromkeys(LAYERS, pretrained.SOURCES),
}
NAMES = ("pixels", "pixel_pca", "random", "radiomics", "own", *SOURCES)


@dataclasses.dataclass(frozen=True)
class EncoderConfig:
    """Which features images are compared by."""

    name: str = "random"  # one of NAMES
    # Of "own": the folder classifier/<arm>/seed<k> of a study. Of "inception" and the
    # DenseNets: a file of weights.
    path: str = ""
    seed: int = 0  # of the weights of "random"

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ConfigError(f"name={self.name!r}: must be one of {', '.join(NAMES)}")
        if self.name == "own" and not self.path:
            raise ConfigError(
                "path='': the encoder 'own' needs the folder of a trained classifier, "
                "<workdir>/classifier/real/seed0"
            )
        if self.name in SOURCES and not self.path:
            raise ConfigError(
                f"path='': the encoder {self.name!r} needs a file of weights. "
                f"{SOURCES[self.name]}"
            )
        if self.name not in ("own", *SOURCES) and self.path:
            raise ConfigError(
                f"path={self.path!r}: must be empty, since the encoder {self.name!r} "
                "reads nothing"
            )
        if self.seed < 0:
            raise ConfigError(f"seed={self.seed}: must be 0 or more")


PART = 32  # images that a large network sees at a time on a device


@dataclasses.dataclass(frozen=True)
class FunctionEncoder:
    """An Encoder of metrics made of a function; its parameters are an argument."""

    name: str  # for people: kind, size, where from
    size: int  # features per image
    params: Any  # float32 arrays on the host
    features: Callable[[Any, Float[Array, "b h w c"]], Float[Array, "b d"]]
    # What the features still need of real training images before they are compared:
    # nothing, a common scale, or (of many pixels) the principal axes.
    fit: Fit = ""

    def encode(
        self, params: Any, pixels: UInt[Array, "b h w c"]
    ) -> Float[Array, "b d"]:
        """Features of stored pixels of 8 or 16 bits, float32; traceable."""
        return self.features(params, to_image(pixels))


def in_parts(
    features: Callable[[Any, Float[Array, "b h w c"]], Float[Array, "b d"]],
) -> Callable[[Any, Float[Array, "b h w c"]], Float[Array, "b d"]]:
    """The same features, made of `PART` images at a time.

    A batch of images at 224 or 299 px would take gigabytes in the first layers.
    """

    def parted(params: Any, image: Array) -> Array:
        count = image.shape[0]
        if count <= PART:
            return features(params, image)
        short = -count % PART
        image = jnp.pad(image, ((0, short), *(((0, 0),) * 3)))
        parts = image.reshape(-1, PART, *image.shape[1:])
        found = lax.map(lambda part: features(params, part), parts)
        return found.reshape(-1, found.shape[-1])[:count]

    return parted
