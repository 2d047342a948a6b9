"""The features of a study's own classifier."""

from pathlib import Path

import jax
import jax.numpy as jnp

from synthjax.classifier.predict import load_classifier
from synthjax.core.errors import StudyError
from synthjax.encoders.encoder import FunctionEncoder
from synthjax.metrics.encoder import Encoder


def make_own(path: str, resolution: int, channels: int) -> Encoder:
    """Returns what the last layer of a classifier sees.

    Use one trained on real training images: it knows what matters for the labels, and
    nothing else. It flatters a generator conditioned on the same labels.

    Args:
      path: the folder classifier/<arm>/seed<k> of a study.
      resolution: image side, pixels.
      channels: of the images.

    Raises:
      StudyError: there is no trained classifier, or it is one of other images.
    """
    directory = Path(path)
    network, params, _ = load_classifier(directory)
    have, want = (network.resolution, network.channels), (resolution, channels)
    if have != want:
        raise StudyError(
            f"{directory} is a classifier of images of {have[0]} px with {have[1]} "
            f"channel(s), but these have {want[0]} px and {want[1]}: give a classifier "
            "of a study at this resolution"
        )
    image = jax.ShapeDtypeStruct((1, resolution, resolution, channels), jnp.float32)
    size = jax.eval_shape(network.features, params, image).shape[1]
    where = "/".join(directory.parts[-2:])
    return FunctionEncoder(f"own {where}, {size}d", size, params, network.features)
