"""What the comparison of real and synthetic images is told."""

import dataclasses

from synthjax.core.errors import ConfigError
from synthjax.encoders.encoder import NAMES, SOURCES


@dataclasses.dataclass(frozen=True)
class WeightsConfig:
    """Files of weights of the encoders that read one; each is a name in `encoders`."""

    inception: str = ""  # of the network of FID: .safetensors, torchvision's names
    densenet121: str = ""  # of ImageNet: Keras .h5, or .safetensors of PyTorch
    densenet169: str = ""  # likewise
    densenet201: str = ""  # likewise


@dataclasses.dataclass(frozen=True)
class FidelityConfig:
    """Which features are compared, of how many images."""

    # Names of encoders; none leaves fidelity out. "own" is classifier/real/seed0.
    encoders: tuple[str, ...] = ("random", "own", "pixel_pca", "radiomics")
    weights: WeightsConfig = dataclasses.field(
        default_factory=WeightsConfig
    )  # files that "inception" and the DenseNets are read from
    random_seeds: int = 1  # networks of "random", each an encoder of its own
    images: int = 10_000  # images of each set, at most
    dimensions: int = (
        128  # principal axes of real training images, at most; 512 at most
    )
    axes_per_image: float = 0.25  # of them, at most, for each image compared
    neighbours: int = 5  # that a ball reaches in precision, recall, density, coverage
    label_dimensions: int = 32  # principal axes for the images of one label, at most
    label_minimum: int = 100  # images with a label, below which it gets no number
    pairs: int = 1000  # pairs of images whose similarity is measured, at most
    directions: int = 128  # of the sliced Wasserstein distance
    batch_size: int = 256  # images encoded at a time, over all devices

    def __post_init__(self) -> None:
        unknown = [name for name in self.encoders if name not in NAMES]
        if unknown:
            raise ConfigError(
                f"encoders: {unknown[0]!r} is none of {', '.join(NAMES)}; give some of "
                "them, or () to leave fidelity out"
            )
        for name, path in dataclasses.asdict(self.weights).items():
            if name in self.encoders and not path:
                raise ConfigError(
                    f"weights.{name}='': the encoder {name!r} needs a file of weights. "
                    f"{SOURCES[name]}"
                )
            if path and name not in self.encoders:
                raise ConfigError(
                    f"weights.{name}={path!r}: is read by the encoder {name!r}, which is "
                    "not in encoders; add it there or leave this empty"
                )
        if not 0 < self.axes_per_image <= 1:
            raise ConfigError(
                f"axes_per_image={self.axes_per_image}: must be above 0 and at most 1"
            )
        for name in ("dimensions", "label_dimensions"):
            if not 1 <= getattr(self, name) <= 512:
                raise ConfigError(f"{name}={getattr(self, name)}: must be 1 to 512")
        for name in (
            *("random_seeds", "images", "neighbours", "label_minimum", "pairs"),
            *("directions", "batch_size"),
        ):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}={getattr(self, name)}: must be at least 1")
