"""Encoders turn images into features, whose distributions are compared.

A library: it takes arrays and paths, and knows no study. Nothing is downloaded: an
encoder is computed, or reads the folder of a classifier or a file of weights that
somebody put there. Distances by different encoders do not compare, so each has a name
to print beside every number.

| name | features | reads |
|---|---|---|
| `pixels` | means of 8 x 8 blocks: layout and brightness | nothing |
| `pixel_pca` | principal axes of the image at 32 x 32; is fitted | nothing |
| `random` | a convolutional network that was never trained | nothing |
| `radiomics` | hand-made brightness, texture and frequency; is fitted | nothing |
| `own` | the last layer of a study's own classifier | its folder |
| `inception` | the network of the published Fréchet inception distances | weights |
| `densenet121`, `densenet169`, `densenet201` | DenseNets of ImageNet | weights |

    encoder = make_encoder(EncoderConfig("random"), resolution=64, channels=1)
    features = jax.jit(encoder.encode)(encoder.params, pixels)

`table.ENCODERS` is the table; it says how to add one.
"""

from synthjax.encoders.table import ENCODERS, EncoderConfig, make_encoder
from synthjax.metrics.encoder import Encoder

NAMES = tuple(ENCODERS)

__all__ = ["ENCODERS", "NAMES", "Encoder", "EncoderConfig", "make_encoder"]
