"""The section config.evaluate.neighbours."""

import dataclasses

from synthjax.core.config import Config, field


@dataclasses.dataclass(frozen=True)
class NeighboursConfig(Config):
    """How many images are looked at, and how many are shown."""

    images: int = field(
        1000,
        "synthetic training images whose nearest training images are found, at most; "
        "0 leaves this part out",
        ge=0,
    )
    controls: int = field(
        4000, "real test images looked at for comparison, at most", ge=1
    )
    k: int = field(3, "nearest training images shown of each image", ge=1)
    strips: int = field(6, "images shown of each choice", ge=1)
    batch_size: int = field(
        256, "images in a batch of the classifier, over all devices", ge=1
    )
