"""The section config.evaluate.attribution."""

import dataclasses

from synthjax.core.config import Config, field

FILLS = ("imagenet", "train")
TARGETS = ("finding", "labels")


@dataclasses.dataclass(frozen=True)
class AttributionConfig(Config):
    """Which images are attributed, and how."""

    images: int = field(
        4, "real test images of each finding; 0 leaves this part out", ge=0
    )
    pictures: int = field(2, "images of each finding that are shown", ge=1)
    patches: int = field(
        16, "patches across an image (the paper: 56, of 4 px at 224 px)", ge=1
    )
    fill: str = field(
        "imagenet",
        "what covers a patch and is the baseline of integrated gradients: the mean "
        "colour of ImageNet, or that of the real training images",
        one_of=FILLS,
    )
    target: str = field(
        "finding",
        "whose loss rises: that of the finding, or that of all labels (the paper)",
        one_of=TARGETS,
    )
    nodes: int = field(32, "points of the path of integrated gradients", ge=1)
    batch_size: int = field(256, "occluded images in a batch, over all devices", ge=1)
