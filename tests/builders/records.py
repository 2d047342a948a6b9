"""Records in memory, of which sets and trees are written."""

import dataclasses

import numpy as np

from builders.images import chest_like
from synthjax.core.findings import CHEST
from synthjax.data.schema import Record, Schema

NOISE = Schema("noise", ("dense", "rare"), 16, 1)


def noise_records(split, count, schema=NOISE, seed=0):
    """Yield random pixels and labels, unknowns among them, by ascending id."""
    rng = np.random.default_rng((seed, count))
    for number in range(count):
        yield Record(
            id=f"{split}-{number:04d}",
            pixels=rng.integers(0, 256, schema.image_shape, dtype=np.uint8),
            label=rng.choice([0.0, 1.0, np.nan], len(schema.labels)).astype(np.float32),
            patient_id=f"{split}-p{number // 2}",
            study_id=f"study {number}",
            age=float(number % 90) if number % 3 else float("nan"),
            sex=("F", "M", "")[number % 3],
            view=("PA", "AP", "")[number % 3],
            origin="noise",
        )


def spot_records(name, split, count, seed, flipped):
    """Yield images whose two labels are spots: on the left, in the upper or lower half.

    Brightness varies more and means nothing: a network that has learned nothing of the
    labels goes by that. A part of the images, `flipped`, has both labels wrong.
    """
    generator = np.random.default_rng([seed, len(split)])
    wrong = np.random.default_rng([seed, 9]).random(count) < flipped
    for i in range(count):
        label = generator.integers(0, 2, 2).astype(np.float32)
        pixels = generator.normal(generator.normal(100, 30), 10, (16, 16, 1))
        for half in (0, 1):
            row, column = 2 + 8 * half, 3 if label[half] else 10
            pixels[row : row + 4, column : column + 3] += 60
        yield Record(
            id=f"{name}-{split}-{i:04d}",
            pixels=np.clip(pixels, 0, 255).astype(np.uint8),
            label=1 - label if wrong[i] else label,
            patient_id=f"{name}-{split}-p{i // 2}",
        )


def blob_records(split, count, arm):
    """Yield blobs on noise with the labels bright, left and never.

    Two images are of each patient, and every seventh first label is unknown.
    """
    generator = np.random.default_rng([len(arm), len(split)])
    for i in range(count):
        label = np.append(generator.integers(0, 2, 2), 0).astype(np.float32)
        pixels = generator.normal(100 + 40 * label[0], 20, (16, 16, 1))
        column = 3 if label[1] else 11
        pixels[6:10, column : column + 3] += 60
        if i % 7 == 0:
            label[0] = np.nan
        yield Record(
            id=f"{arm}-{split}-{i:04d}",
            pixels=np.clip(pixels, 0, 255).astype(np.uint8),
            label=label,
            patient_id=f"{arm}-{split}-p{i // 2}",
        )


def coin_records(split, count, rng):
    """Yield random pixels with two random labels; one of the second image is unknown."""
    labels = rng.integers(0, 2, (count, 2)).astype(np.float32)
    labels[1, 1] = np.nan
    for i, label in enumerate(labels):
        yield Record(
            id=f"{split}{i:03d}",
            pixels=rng.integers(0, 256, (16, 16, 1)).astype(np.uint8),
            label=label,
            patient_id=f"{split}-patient{i // 2}",
        )


def chest_records(count):
    """Yield grey images, two of each patient, with CheXpert's labels."""
    for number in range(count):
        rng = np.random.default_rng(number // 2)  # one label vector an exam
        yield Record(
            id=f"image{number:03d}",
            pixels=chest_like(number)[..., None],
            label=(rng.random(len(CHEST)) < 0.3).astype(np.float32),
            patient_id=f"patient{number // 2}",
            study_id=f"study{number // 2}",
            age=50.0,
            sex="F",
            view="PA",
        )


def head_records(count):
    """Yield records with haemorrhage labels, each with its Hounsfield units."""
    for record in chest_records(count):
        label = np.r_[record.label[:5], not record.label[:5].any()].astype(np.float32)
        units = chest_like(int(record.id[5:])).astype(np.int16) - 100
        yield dataclasses.replace(record, label=label), units
