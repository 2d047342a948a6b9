"""Sheets of images a person looks at: a column per label combination."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped, UInt8

from synthjax.core.devices import Devices, Step
from synthjax.core.logbook import grid
from synthjax.data.images.pixels import to_bytes
from synthjax.data.store.loader import padded_batches, read_schema
from synthjax.data.store.stored import StoredSplit

COMMON = 4  # columns for the most common label combinations
MOST = 32  # columns at most
GRID_BATCH = 16  # images per device and call
_CHUNK = 256  # records read at a time


def grid_columns(rows: Float[np.ndarray, "n y"]) -> Float[np.ndarray, "columns y"]:
    """The label combinations worth a column, out of those in the training rows.

    First the most common ones, then for each finding the most common combination
    that has it, unless it is there already.
    """
    combinations, counts = _combinations(rows)
    order = np.argsort(-counts, kind="stable")
    chosen = list(order[:COMMON])
    for finding in range(rows.shape[1]):
        having = [i for i in order if combinations[i, finding] == 1]
        if having and having[0] not in chosen:
            chosen.append(having[0])
    return combinations[chosen[:MOST]]


def _combinations(
    rows: Float[np.ndarray, "n y"],
) -> tuple[Float[np.ndarray, "m y"], Shaped[np.ndarray, " m"]]:
    """Distinct rows, unknown labels (NaN) being equal to each other, and counts."""
    coded = np.where(np.isnan(rows), -1, rows).astype(np.float32)
    distinct, counts = np.unique(coded, axis=0, return_counts=True)
    return np.where(distinct < 0, np.nan, distinct).astype(np.float32), counts


def real_grid(
    data: Path, columns: Float[np.ndarray, "columns y"], row_count: int
) -> UInt8[np.ndarray, "gh gw c"]:
    """Training images under their label combinations; black where there are too few."""
    stored = StoredSplit(data, "train")
    found: list[list[int]] = [[] for _ in columns]
    for start in range(0, len(stored), _CHUNK):
        places = range(start, min(start + _CHUNK, len(stored)))
        label = np.stack([r.label for r in stored.read(places, images=False)])
        for column, cells in zip(columns, found, strict=True):
            same = np.all(
                np.nan_to_num(label, nan=-1) == np.nan_to_num(column, nan=-1), 1
            )
            cells.extend((start + np.flatnonzero(same)).tolist())
        if all(len(cells) >= row_count for cells in found):
            break
    image_shape = read_schema(data).image_shape
    images = np.zeros((row_count, len(columns), *image_shape), np.uint8)
    for x, cells in enumerate(found):
        for y, record in enumerate(stored.read(cells[:row_count])):
            images[y, x] = to_bytes(record.pixels)
    return grid(images.reshape(-1, *image_shape), len(columns))


def synthetic_grid(
    step: Step,
    ema: dict,
    columns: Float[np.ndarray, "columns y"],
    row_count: int,
    devices: Devices,
) -> UInt8[np.ndarray, "gh gw c"]:
    """Synthetic images: one latent per row, one label combination per column.

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


def empty_cells(label_count: int, devices: Devices) -> dict:
    """Cells of the shape that `synthetic_grid` asks for, to compile with."""
    count = GRID_BATCH * devices.count
    label = np.zeros((count, label_count), np.float32)
    return _cells(np.zeros(count, np.int32), label, devices)


def _cells(
    row: Shaped[np.ndarray, " b"], label: Float[np.ndarray, "b y"], devices: Devices
) -> dict:
    """This process's part of a global batch of cells, laid on its devices."""
    local = len(row) // devices.process_count
    mine = slice(devices.process_index * local, (devices.process_index + 1) * local)
    return devices.shard({"row": row[mine].astype(np.int32), "label": label[mine]})
