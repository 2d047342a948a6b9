"""Real images beside the nearest that a generator can draw, as a picture and numbers."""

import dataclasses
import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import UInt8

from synthjax.core.errors import StudyError
from synthjax.core.files import write_json
from synthjax.core.logbook import grid, save_png
from synthjax.data.dataset import Dataset
from synthjax.data.images import transforms
from synthjax.gan.generator import Generator
from synthjax.synth.inversion.config import InversionConfig
from synthjax.synth.inversion.invert import invert


@dataclasses.dataclass(frozen=True)
class InversionSheet:
    """The inverted images of a set."""

    picture: UInt8[np.ndarray, "gh gw c"]  # real over inverted, a column for each image
    numbers: dict[str, Any]  # ready for JSON: the search, and each image's loss

    def write(self, picture: Path) -> None:
        """Writes the picture as a PNG, and the numbers beside it as .json."""
        save_png(picture, self.picture)
        write_json(picture.with_suffix(".json"), self.numbers)


def invert_images(
    generator: Generator,
    dataset: Dataset,
    split: str,
    ids: Sequence[str],
    *,
    seed: int,
    config: InversionConfig | None = None,
) -> InversionSheet:
    """Finds the styles whose images are nearest to real images of a set.

    Args:
      generator: trained on images of the set's labels and shape.
      dataset: the real set.
      split: "train", "valid" or "test".
      ids: of the images.
      seed: with the place of an id, fixes the randomness of its search.
      config: how to search.

    Raises:
      StudyError: an id that the split does not have, or a generator of other images.
    """
    config = config or InversionConfig()
    records = dataset[split].read(find_images(dataset, split, ids))
    real = np.stack(
        [np.asarray(transforms.to_image(jnp.asarray(r.pixels))) for r in records]
    )
    label = np.stack([record.label for record in records])
    inversion = invert(generator, real, label, config=config, seed=seed)
    images = np.concatenate([real, inversion.image])
    losses = zip(ids, inversion.loss, inversion.mean_loss, strict=True)
    return InversionSheet(
        picture=grid(
            np.asarray(transforms.to_pixels(jnp.asarray(images), 8)), len(records)
        ),
        numbers={
            "checkpoint": generator.step,
            "kimg": generator.kimg,
            "split": split,
            "seed": seed,
            "search": dataclasses.asdict(config),
            "images": [
                {"id": id_, "loss": float(loss), "loss_of_mean_style": float(mean)}
                for id_, loss, mean in losses
            ],
        },
    )


def find_images(dataset: Dataset, split: str, ids: Sequence[str]) -> list[int]:
    """Returns the indices of images in the split's file.

    Raises:
      StudyError: an id that the split does not have; the message says where it is, or
        which one is like it.
    """
    index = {name: i for i, name in enumerate(dataset.metadata(split).id.tolist())}
    for wanted in ids:
        if wanted not in index:
            raise StudyError(
                f'{dataset.directory}: the split "{split}" has no image "{wanted}". '
                + _hint(dataset, wanted, list(index))
            )
    return [index[wanted] for wanted in ids]


def _hint(dataset: Dataset, wanted: str, known: list[str]) -> str:
    for split in dataset.counts:
        if wanted in dataset.metadata(split).id:
            return f'It is in the split "{split}"'
    near = difflib.get_close_matches(wanted, known, n=1)
    if near:
        return f'Did you mean "{near[0]}"?'
    return f'Its ids are such as "{known[0]}"' if known else "The split is empty"
