"""The table of encoders, and the config that names one of them.

To add an encoder: write its maker in a file beside this one, give it a line in
`ENCODERS`, and test it in tests/encoders.
"""

from collections.abc import Callable
from dataclasses import dataclass

from synthjax.classifier.networks import pretrained
from synthjax.classifier.networks.densenet import LAYERS
from synthjax.core.config import MAX_SEED, Config, field
from synthjax.core.errors import ConfigError
from synthjax.encoders.densenet import make_densenet
from synthjax.encoders.inception import SOURCE as INCEPTION_SOURCE
from synthjax.encoders.inception import make_inception
from synthjax.encoders.own import make_own
from synthjax.encoders.pixels import make_pixel_pca, make_pixels
from synthjax.encoders.radiomics import make_radiomics
from synthjax.encoders.random_network import make_random
from synthjax.metrics.encoder import Encoder


@dataclass(frozen=True)
class Entry:
    """An entry of the table of encoders."""

    make: Callable[["EncoderConfig", int, int], Encoder]  # of resolution and channels
    reads: str = ""  # what the path of its config names, for messages; empty: nothing


ENCODERS: dict[str, Entry] = {
    "pixels": Entry(lambda config, *shape: make_pixels(*shape)),
    "pixel_pca": Entry(lambda config, *shape: make_pixel_pca(*shape)),
    "random": Entry(lambda config, *shape: make_random(config.seed, *shape)),
    "radiomics": Entry(lambda config, *shape: make_radiomics(*shape)),
    "own": Entry(
        lambda config, *shape: make_own(config.path, *shape),
        "the folder of a trained classifier, <workdir>/classifier/real/seed0",
    ),
    "inception": Entry(
        lambda config, *shape: make_inception(config.path, *shape),
        f"a file of weights. {INCEPTION_SOURCE}",
    ),
    **dict.fromkeys(
        LAYERS,
        Entry(
            lambda config, *shape: make_densenet(config.name, config.path, *shape),
            f"a file of weights. {pretrained.SOURCES}",
        ),
    ),
}


@dataclass(frozen=True)
class EncoderConfig(Config):
    """Which features images are compared by."""

    name: str = field("random", "which encoder", one_of=lambda: ENCODERS)
    path: str = field(
        "",
        "of own, the folder classifier/<arm>/seed<k> of a study; of inception and the "
        "DenseNets, a file of weights",
        is_place=True,
    )
    seed: int = field(0, "of the weights of random", ge=0, le=MAX_SEED)

    def check(self) -> None:
        """Raises ConfigError unless there is a path just where one is read."""
        reads = ENCODERS[self.name].reads
        if reads and not self.path:
            raise ConfigError(f"path='': the encoder {self.name!r} needs {reads}")
        if self.path and not reads:
            raise ConfigError(
                f"path={self.path!r}: must be empty, since the encoder {self.name!r} "
                "reads nothing"
            )


def make_encoder(
    config: EncoderConfig, resolution: int, channels: int, *, fitted: bool = False
) -> Encoder:
    """Returns the encoder that the config names, for images of one kind.

    Args:
      config: which.
      resolution: height and width of the images, pixels.
      channels: of the images.
      fitted: whether the caller fits its features to real training images, as
        `Encoder.fit` says.

    Raises:
      StudyError: no classifier or file of weights at the path, or another one.
      ConfigError: the images are too small for it, or it has to be fitted.
    """
    encoder = ENCODERS[config.name].make(config, resolution, channels)
    if encoder.fit and not fitted:
        raise ConfigError(
            f"the encoder {config.name!r} is fitted to real training images, which "
            "only the evaluate stage does: take pixels, random or own"
        )
    return encoder
