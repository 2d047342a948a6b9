"""All fidelity numbers of a study: every encoder, overall and for each label."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from synthjax.core.clock import progress
from synthjax.core.devices import Devices
from synthjax.data.schema import Schema
from synthjax.data.splits import check_disjoint
from synthjax.data.store.loader import read_schema
from synthjax.encoders import Encoder, EncoderConfig, make_encoder
from synthjax.encoders.pixels import make_thumbnail
from synthjax.evaluate.fidelity.compare import compare, deal_trio
from synthjax.evaluate.fidelity.config import FidelityConfig
from synthjax.evaluate.fidelity.features import Reader, draw_images
from synthjax.evaluate.fidelity.images import image_metrics
from synthjax.statistics.jackknife import GROUPS, assign_groups

FEWEST = 4 * GROUPS  # images of each set, below which nothing is measured


def measure_fidelity(
    config: FidelityConfig,
    *,
    seed: int,
    level: float,
    data: Path,
    synth: Path,
    classifier: Path,
    devices: Devices,
) -> dict[str, Any] | None:
    """The key "fidelity" of results.json; None if no encoder is asked for.

    Synthetic images are compared with one half of the real test images, dealt by
    patient. Beside every number is its floor: the same number for the other half in the
    synthetic images' place. All three sets have the same number of images, since most of
    the numbers depend on it. Training images would not do for the floor: encoders and
    axes are fitted to them, which drives them away from all others.

    An interval draws real patients and synthetic images (fidelity/jackknife.py).

    Args:
        config: the section config.evaluate.fidelity.
        seed: of the study; which images, pairs and groups are drawn.
        level: coverage of the intervals.
        data: the real set.
        synth: the synthetic set.
        classifier: the classifier stage's directory, of which "own" reads real/seed0.
        devices: where images are encoded.

    Raises:
        StudyError: a set, the classifier or a file of weights is missing, or a patient
            is in two splits.
    """
    if not config.encoders:
        return None
    schema, generator = read_schema(data), np.random.default_rng([seed, 3])
    real = draw_images(data, "test", config.images, generator)
    train = draw_images(data, "train", config.images, generator)
    check_disjoint({"train": train.patient, "test": real.patient})
    synthetic = draw_images(synth, "test", config.images, generator)
    fewest = min(len(real), len(train), len(synthetic))
    if fewest < FEWEST:
        reason = f"{fewest} images of the smallest set; at least {FEWEST} are needed"
        return {"encoders": [], "images": [], "reason": reason}
    encoders = _encoders(config, schema, classifier)
    thumbnail = make_thumbnail(schema.resolution, schema.channels)
    bar: progress[Any] = progress(
        total=len(encoders) + 3, desc="fidelity", unit="steps"
    )
    features = []
    images = (real, synthetic, train)
    reader = Reader([*encoders, thumbnail], config.batch_size, devices)
    for one in images:
        features.append(reader.features(one))
        bar.update()
    # Synthetic images have no patients: each is its own.
    patients = (real.patient, np.arange(len(synthetic)), train.patient)
    groups = tuple(assign_groups(patient, generator) for patient in patients)
    trio = deal_trio(real, synthetic, generator)
    entries = []
    for place, encoder in enumerate(encoders):
        sets = [part[place] for part in features]
        entries.append(
            compare(config, level, encoder, sets, images, trio, schema.labels, groups)
        )
        bar.update()
    thumbnails = [part[-1] for part in features]
    pictures = image_metrics(config, level, thumbnails, images, trio, groups, generator)
    bar.close()
    return {"encoders": entries, "images": pictures}


def _encoders(
    config: FidelityConfig, schema: Schema, classifier: Path
) -> list[Encoder]:
    shape = (schema.resolution, schema.channels)
    named = []
    paths = dataclasses.asdict(config.weights)
    paths["own"] = str(classifier / "real" / "seed0")
    for name in config.encoders:
        seeds = range(config.random_seeds if name == "random" else 1)
        named += [EncoderConfig(name, paths.get(name, ""), seed) for seed in seeds]
    return [make_encoder(one, *shape, fitted=True) for one in named]
