"""Strips of a synthetic image and its nearest real training images, to be looked at."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from synthjax.core import rng
from synthjax.core.files import write_json
from synthjax.core.logbook import save_png
from synthjax.data.images.pixels import to_bytes
from synthjax.data.store.loader import Table
from synthjax.evaluate.pictures.rows import picture_row

CHOICES = {
    "closest": "the synthetic images closest to a training image",
    "closest_test": "the real test images closest to a training image",
    "random": "synthetic images drawn at random",
    "furthest": "the synthetic images furthest from any training image",
}


@dataclasses.dataclass(frozen=True)
class Tables:
    """The images that are compared."""

    train: Table  # real ones, all that the generator was trained on
    synthetic: Table
    test: Table  # real ones of other patients


@dataclasses.dataclass(frozen=True)
class Nearest:
    """Nearest training images, nearest first, by one distance."""

    words: str  # what is compared, for people
    unit: str  # of the distance, for people
    synthetic: Float[np.ndarray, "s k"]  # distances of synthetic images
    synthetic_row: Int[np.ndarray, "s k"]  # rows of the training images
    test: Float[np.ndarray, "t k"]  # distances of real test images
    test_row: Int[np.ndarray, "t k"]


class Strip(NamedTuple):
    """One image that is shown, with its nearest training images."""

    choice: str  # why it is shown, a name of `CHOICES`
    place: int  # among the images of the choice
    table: Table  # that holds the image
    image: int  # its row in the table
    row: Int[np.ndarray, " k"]  # rows of its nearest training images
    distance: Float[np.ndarray, " k"]


def write_strips(
    found: Mapping[str, Nearest],
    tables: Tables,
    names: tuple[str, ...],
    *,
    strips: int,
    seed: int,
    out: Path,
) -> None:
    """Write a PNG for each strip, and sheet.json that describes them.

    A strip is an image and then its nearest training images. Of every distance the
    synthetic images that lie closest are shown, and the real test images that do: that
    near come two patients. Of the first distance also synthetic images that were drawn
    at random, which nobody chose, and the worst: those furthest from all training images.

    Args:
        found: by name of the distance.
        tables: the images that are compared, as `found` counts them.
        names: of the labels.
        strips: of each choice, at most.
        seed: of the draw.
        out: the folder.
    """
    pictures = []
    for number, (name, nearest) in enumerate(found.items()):
        for strip in _strips(nearest, tables, strips, seed, all_choices=not number):
            file = f"{name}_{strip.choice}_{strip.place}.png"
            near = [to_bytes(tables.train.pixels[row]) for row in strip.row]
            image = to_bytes(strip.table.pixels[strip.image])
            save_png(out / file, picture_row([[image], near]))
            described = _describe_strip(strip, tables.train, names)
            pictures.append(
                {
                    "file": file,
                    "alt": _alt(strip.choice, described, nearest),
                    "distance": name,
                    "choice": strip.choice,
                    **described,
                }
            )
    distances = {
        name: {"words": nearest.words, "unit": nearest.unit}
        for name, nearest in found.items()
    }
    write_json(
        out / "sheet.json",
        {"distances": distances, "choices": CHOICES, "pictures": pictures},
    )


def _strips(
    nearest: Nearest, tables: Tables, strips: int, seed: int, *, all_choices: bool
) -> Iterator[Strip]:
    """Yield the strips of one distance; two choices of all unless `all_choices`."""
    synthetic = (tables.synthetic, nearest.synthetic, nearest.synthetic_row)
    test = (tables.test, nearest.test, nearest.test_row)
    for choice in CHOICES if all_choices else ("closest", "closest_test"):
        table, distance, row = test if choice == "closest_test" else synthetic
        order = np.argsort(distance[:, 0], kind="stable")
        if choice == "random":
            order = rng.host_generator(seed, "random strips").permutation(len(table))
        if choice == "furthest":
            order = order[::-1]
        for place, image in enumerate(order[:strips].tolist()):
            yield Strip(choice, place, table, image, row[image], distance[image])


def _describe_strip(
    strip: Strip, train: Table, names: tuple[str, ...]
) -> dict[str, Any]:
    pairs = zip(strip.row.tolist(), strip.distance.tolist(), strict=True)
    return {
        "image": _describe_image(strip.table, strip.image, names),
        "neighbours": [
            _describe_image(train, row, names) | {"distance": distance}
            for row, distance in pairs
        ],
    }


def _describe_image(table: Table, row: int, names: tuple[str, ...]) -> dict[str, Any]:
    label = table.label[row]
    return {
        "id": str(table.id[row]),
        "labels": [
            name for name, value in zip(names, label, strict=True) if value == 1
        ],
    }


def _alt(choice: str, strip: dict[str, Any], nearest: Nearest) -> str:
    """Say in words what a picture shows, for people who do not see it."""

    def labels(image: dict[str, Any]) -> str:
        return ", ".join(image["labels"]) or "no positive label"

    kind = "real test" if choice == "closest_test" else "synthetic"
    near = "; ".join(
        f"{labels(image)}, at {image['distance']:.3g}" for image in strip["neighbours"]
    )
    return (
        f"A {kind} image ({labels(strip['image'])}) on the left, then its nearest real "
        f"training images by {nearest.words} ({near})."
    )
