"""The section config.evaluate.fidelity."""

import dataclasses

from synthjax.core.config import Config, field
from synthjax.core.errors import ConfigError
from synthjax.encoders import ENCODERS

_KERAS_OR_PYTORCH = "weights of {} of ImageNet: Keras .h5, or .safetensors of PyTorch"


@dataclasses.dataclass(frozen=True)
class WeightsConfig(Config):
    """Files of weights of the encoders that read one; each is a name in `encoders`."""

    inception: str = field(
        "",
        "weights of the network of FID: .safetensors, with torchvision's names",
        is_place=True,
    )
    densenet121: str = field(
        "", _KERAS_OR_PYTORCH.format("DenseNet-121"), is_place=True
    )
    densenet169: str = field(
        "", _KERAS_OR_PYTORCH.format("DenseNet-169"), is_place=True
    )
    densenet201: str = field(
        "", _KERAS_OR_PYTORCH.format("DenseNet-201"), is_place=True
    )


@dataclasses.dataclass(frozen=True)
class FidelityConfig(Config):
    """Which features are compared, of how many images."""

    encoders: tuple[str, ...] = field(
        ("random", "own", "pixels", "pixel_pca", "radiomics"),
        'encoders whose features are compared; none leaves fidelity out. "own" is the '
        "first real-trained classifier",
        one_of=lambda: ENCODERS,  # looked up late: it may be extended
    )
    weights: WeightsConfig = field(  # noqa: RUF009
        WeightsConfig, 'files that "inception" and the DenseNets are read from'
    )
    random_seeds: int = field(
        1, 'networks of "random", each an encoder of its own', ge=1
    )
    images: int = field(10_000, "images of each set, at most", ge=1)
    dimensions: int = field(
        128,
        "principal axes of the real training images that are kept, at most",
        ge=1,
        le=512,
    )
    axes_per_image: float = field(
        0.25, "axes that are kept for each image compared, at most", gt=0, le=1
    )
    neighbours: int = field(
        5,
        "neighbours that a ball reaches in precision, recall, density and coverage",
        ge=1,
    )
    label_dimensions: int = field(
        32, "principal axes for the images of one label, at most", ge=1, le=512
    )
    label_minimum: int = field(
        100, "images with a label, below which it gets no number", ge=1
    )
    pairs: int = field(
        1000, "pairs of images whose similarity is measured, at most", ge=1
    )
    directions: int = field(
        128, "random directions of the sliced Wasserstein distance", ge=1
    )
    batch_size: int = field(256, "images encoded at a time, over all devices", ge=1)

    def check(self) -> None:
        """Raise ConfigError unless the encoders and the files of weights agree."""
        for name, path in dataclasses.asdict(self.weights).items():
            if name in self.encoders and not path:
                raise ConfigError(
                    f"weights.{name}='': the encoder {name!r} needs "
                    f"{ENCODERS[name].reads}"
                )
            if path and name not in self.encoders:
                raise ConfigError(
                    f"weights.{name}={path!r}: is read by the encoder {name!r}, which is "
                    "not in encoders; add it there or leave this empty"
                )
