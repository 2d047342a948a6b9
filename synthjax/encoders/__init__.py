"""What turns images into features whose distributions are compared.

Nothing here is downloaded: an encoder is computed from its config, is read from a
study's own classifier, or from a file of weights that somebody put there. Distances of different encoders do not compare, so each has a
name to print beside every number.
"""

from collections.abc import Callable

from synthjax.classifier.networks.densenet import LAYERS
from synthjax.core.errors import ConfigError
from synthjax.encoders.densenet import make_densenet
from synthjax.encoders.encoder import NAMES, EncoderConfig
from synthjax.encoders.inception import make_inception
from synthjax.encoders.own import make_own
from synthjax.encoders.pixels import make_pixel_pca, make_pixels
from synthjax.encoders.radiomics import make_radiomics
from synthjax.encoders.random_network import make_random
from synthjax.metrics.encoder import Encoder

__all__ = ["ENCODERS", "NAMES", "Encoder", "EncoderConfig", "make_encoder"]

# The one table of encoders: name in the config -> maker.
ENCODERS: dict[str, Callable[[EncoderConfig, int, int], Encoder]] = {
    "pixels": make_pixels,
    "pixel_pca": make_pixel_pca,
    "random": make_random,
    "radiomics": make_radiomics,
    "own": make_own,
    "inception": make_inception,
    **dict.fromkeys(LAYERS, make_densenet),
}


def make_encoder(
    config: EncoderConfig, resolution: int, channels: int, *, fitted: bool = False
) -> Encoder:
    """The encoder that the config names, for images of one kind.

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
    encoder = ENCODERS[config.name](config, resolution, channels)
    if encoder.fit and not fitted:
        raise ConfigError(
            f"the encoder {config.name!r} is fitted to real training images, which "
            "only the evaluate stage does: take pixels, random or own"
        )
    return encoder
