"""Strips of a synthetic image and its nearest real training images, to be looked at."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from synthjax.core.files import write_json
from synthjax.core.logbook import save_png
from synthjax.data.images.pixels import to_bytes
from synthjax.data.store.loader import Table
from synthjax.evaluate.picture_rows import picture_row


@dataclasses.dataclass(frozen=True)
class Found:
    """Nearest training images, nearest first, by one distance."""

    words: str  # what is compared, for people
    unit: str  # of the distance, for people
    synthetic: Float[np.ndarray, "s k"]  # distances of synthetic images
    synthetic_row: Int[np.ndarray, "s k"]  # rows of the training images
    test: Float[np.ndarray, "t k"]  # distances of real test images
    test_row: Int[np.ndarray, "t k"]


def write_strips(
    found: dict[str, Found],
    tables: tuple[Table, Table, Table],
    names: tuple[str, ...],
    *,
    strips: int,
    seed: int,
    out: Path,
) -> None:
    """Writes a PNG for each strip, and sheet.json that describes them.

    A strip is an image and then its nearest training images. Of every distance the
    synthetic images that lie closest are shown, and the real test images that do: that
    near come two patients. Of the first distance also synthetic images that were drawn
    at random, which nobody chose, and the worst: those furthest from all training images.

    Args:
        found: by name of the distance.
        tables: training, synthetic and real test images, as `found` counts them.
        names: of the labels.
        strips: of each choice, at most.
        seed: of the draw.
        out: the folder.
    """
    train, synthetic, test = tables
    pictures = []
    for number, (name, one) in enumerate(found.items()):
        choices = {
            "closest": (synthetic, one.synthetic, one.synthetic_row),
            "closest_test": (test, one.test, one.test_row),
        }
        if not number:
            choices["random"] = choices["furthest"] = choices["closest"]
        for choice, (table, distance, row) in choices.items():
            order = np.argsort(distance[:, 0], kind="stable")
            if choice == "random":
                order = np.random.default_rng([seed, 2]).permutation(len(table))
            if choice == "furthest":
                order = order[::-1]
            for place, i in enumerate(order[:strips]):
                near = [(int(r), float(d)) for r, d in zip(row[i], distance[i])]
                file = f"{name}_{choice}_{place}.png"
                images = [to_bytes(train.pixels[r]) for r, _ in near]
                save_png(out / file, picture_row([[to_bytes(table.pixels[i])], images]))
                told = {
                    "image": _image(table, int(i), names),
                    "neighbours": [
                        _image(train, r, names) | {"distance": d} for r, d in near
                    ],
                }
                kind = "real test" if choice == "closest_test" else "synthetic"
                pictures.append(
                    {
                        "file": file,
                        "alt": _alt(kind, told, one),
                        "distance": name,
                        "choice": choice,
                        **told,
                    }
                )
    write_json(
        out / "sheet.json",
        {
            "distances": {
                name: {"words": one.words, "unit": one.unit}
                for name, one in found.items()
            },
            "choices": {
                "closest": "the synthetic images closest to a training image",
                "closest_test": "the real test images closest to a training image",
                "random": "synthetic images drawn at random",
                "furthest": "the synthetic images furthest from any training image",
            },
            "pictures": pictures,
        },
    )


def _image(table: Table, row: int, names: tuple[str, ...]) -> dict[str, Any]:
    label = table.label[row]
    return {
        "id": str(table.id[row]),
        "labels": [
            name for name, value in zip(names, label, strict=True) if value == 1
        ],
    }


def _alt(kind: str, told: dict[str, Any], found: Found) -> str:
    def labels(image: dict[str, Any]) -> str:
        return ", ".join(image["labels"]) or "no positive label"

    near = "; ".join(
        f"{labels(image)}, at {image['distance']:.3g}" for image in told["neighbours"]
    )
    return (
        f"A {kind} image ({labels(told['image'])}) on the left, then its nearest real "
        f"training images by {found.words} ({near})."
    )
