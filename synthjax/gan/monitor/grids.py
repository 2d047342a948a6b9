"""Sheets of images a person looks at: a column per label combination."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8

from synthjax.core.devices import Devices, Step
from synthjax.core.logbook import grid
from synthjax.data.dataset import Dataset
from synthjax.data.images.pixels import to_bytes
from synthjax.data.label_combinations import has_combination, label_combinations
from synthjax.data.store.loader import padded_batches
from synthjax.gan.compiled import Cells

COMMON = 4  # columns for the most common label combinations
MOST = 32  # columns at most
GRID_BATCH = 16  # images per device and call


def grid_columns(labels: Float[np.ndarray, "n y"]) -> Float[np.ndarray, "columns y"]:
    """Returns the label combinations worth a column, out of those of training images.

    First the most common ones, then for each finding the most common combination
    that has it, unless it is there already.
    """
    combinations, counts = label_combinations(labels)
    order = np.argsort(-counts, kind="stable")
    chosen = list(order[:COMMON])
    for finding in range(labels.shape[1]):
        having = [i for i in order if combinations[i, finding] == 1]
        if having and having[0] not in chosen:
            chosen.append(having[0])
    return combinations[chosen[:MOST]]


def real_grid(
    dataset: Dataset,
    columns: Float[np.ndarray, "columns y"],
    row_count: int,
    chunk: int = 256,
) -> UInt8[np.ndarray, "gh gw c"]:
    """Returns training images under their labels; black where there are too few.

    Args:
      dataset: whose training images.
      columns: label combinations.
      row_count: rows of the sheet.
      chunk: records read at a time.
    """
    stored = dataset["train"]
    found: list[list[int]] = [[] for _ in columns]
    for start in range(0, len(stored), chunk):
        indices = range(start, min(start + chunk, len(stored)))
        label = np.stack([r.label for r in stored.read(indices, images=False)])
        for column, cells in zip(columns, found, strict=True):
            same = has_combination(label, column)
            cells.extend((start + np.flatnonzero(same)).tolist())
        if all(len(cells) >= row_count for cells in found):
            break
    image_shape = dataset.schema.image_shape
    images = np.zeros((row_count, len(columns), *image_shape), np.uint8)
    for x, cells in enumerate(found):
        for y, record in enumerate(stored.read(cells[:row_count])):
            images[y, x] = to_bytes(record.pixels)
    return grid(images.reshape(-1, *image_shape), len(columns))


def synthetic_grid(
    step: Step,
    ema: dict[str, Any],
    columns: Float[np.ndarray, "columns y"],
    row_count: int,
    devices: Devices,
) -> UInt8[np.ndarray, "gh gw c"]:
    """Returns synthetic images: a latent per row, a label combination per column.

    Args:
      step: `Steps.grid`.
      ema: the `ema` item of the state, on the devices.
      columns: label combinations.
      row_count: rows of the sheet.
      devices: what the step is mapped over; every process calls this.
    """
    row, x = np.divmod(np.arange(row_count * len(columns)), len(columns))
    images = []
    for index, mask in padded_batches(len(row), GRID_BATCH * devices.count):
        cell = _cells(row[index], columns[x[index]], devices)
        images.append(devices.gather(step(ema, cell))[mask])
    return grid(np.concatenate(images), len(columns))


def empty_cells(label_count: int, devices: Devices) -> Cells:
    """Returns cells of the shape that `synthetic_grid` asks for, to compile with."""
    count = GRID_BATCH * devices.count
    label = np.zeros((count, label_count), np.float32)
    return _cells(np.zeros(count, np.int32), label, devices)


def _cells(
    row: Int[np.ndarray, " b"], label: Float[np.ndarray, "b y"], devices: Devices
) -> Cells:
    """Lays this process's part of a global batch of cells on its devices."""
    mine = devices.local_part(row).astype(np.int32)
    return devices.shard({"row": mine, "label": devices.local_part(label)})
