"""All fidelity numbers of a study: every encoder, overall and for each label."""

import dataclasses
from pathlib import Path
from typing import Any

from synthjax.core import rng
from synthjax.core.clock import progress
from synthjax.data.schema import Schema
from synthjax.data.splits import check_disjoint
from synthjax.encoders import Encoder, EncoderConfig, make_encoder
from synthjax.encoders.pixels import make_thumbnail
from synthjax.evaluate.fidelity.config import FidelityConfig
from synthjax.evaluate.fidelity.encoder_metrics import measure_encoder
from synthjax.evaluate.fidelity.features import FeatureReader
from synthjax.evaluate.fidelity.image_metrics import measure_images
from synthjax.evaluate.fidelity.sets import (
    Features,
    assign_images,
    draw_images,
)
from synthjax.evaluate.inputs import Inputs
from synthjax.evaluate.results.fidelity import Fidelity
from synthjax.statistics.jackknife import GROUPS

MIN_IMAGES = 4 * GROUPS  # images of each set, below which nothing is measured


def measure_fidelity(config: FidelityConfig, inputs: Inputs) -> Fidelity | None:
    """Measure how alike real and synthetic images are, in every encoder's features.

    Synthetic images are compared with one half of the real test images, assigned by
    patient. Beside every number is its real-real baseline: the same number for the
    other half in the synthetic images' place. All three sets have the same number of
    images, since most of the numbers depend on it. Training images would not do for
    the baseline: encoders and axes are fitted to them, which drives them away from all
    others.

    An interval draws real patients and synthetic images (statistics/jackknife.py).

    Returns:
        None if no encoder is asked for.

    Raises:
        StudyError: a set, the classifier or a file of weights is missing, or a patient
            is in two splits.
    """
    if not config.encoders:
        return None
    generator = rng.host_generator(inputs.seed, "fidelity")
    real = draw_images(inputs.real["test"], config.images, generator)
    train = draw_images(inputs.real["train"], config.images, generator)
    check_disjoint({"train": train.patient, "test": real.patient})
    synthetic = draw_images(inputs.synthetic["test"], config.images, generator)
    count = min(len(real), len(train), len(synthetic))
    if count < MIN_IMAGES:
        reason = f"{count} images of the smallest set; at least {MIN_IMAGES} are needed"
        return Fidelity(encoders=(), images=(), reason=reason)
    schema = inputs.real.schema
    encoders = make_encoders(config, schema, inputs.classifier)
    thumbnail = make_thumbnail(schema.resolution, schema.channels)
    bar: progress[Any] = progress(
        total=len(encoders) + 3, desc="fidelity", unit="steps"
    )
    reader = FeatureReader([*encoders, thumbnail], config.batch_size, inputs.devices)
    read = []
    for images in (real, synthetic, train):
        read.append(reader.features(images))
        bar.update()
    *features, thumbnails = (Features(*parts) for parts in zip(*read, strict=True))
    assigned = assign_images(real, synthetic, train, generator)
    measured = []
    for encoder, own in zip(encoders, features, strict=True):
        measured.append(
            measure_encoder(config, inputs.level, encoder, own, assigned, schema.labels)
        )
        bar.update()
    pictures = measure_images(config, inputs.level, thumbnails, assigned, generator)
    bar.close()
    return Fidelity(encoders=tuple(measured), images=pictures)


def make_encoders(
    config: FidelityConfig, schema: Schema, classifier: Path
) -> list[Encoder]:
    """Make every encoder of the config; "own" is the first real-trained classifier."""
    shape = (schema.resolution, schema.channels)
    named = []
    paths = dataclasses.asdict(config.weights)
    paths["own"] = str(classifier / "real" / "seed0")
    for name in config.encoders:
        seeds = range(config.random_seeds if name == "random" else 1)
        named += [EncoderConfig(name, paths.get(name, ""), seed) for seed in seeds]
    return [make_encoder(one, *shape, fitted=True) for one in named]
