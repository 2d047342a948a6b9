"""Real and synthetic images side by side: the same label vector in each column."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from synthjax.core.files import write_json
from synthjax.core.logbook import grid, save_png
from synthjax.data.images.pixels import to_bytes
from synthjax.data.store.loader import Table

_UNKNOWN = -1.0  # stands for NaN where label vectors are compared


def typical_vectors(
    label: Float[np.ndarray, "n y"],
) -> list[tuple[int, Float[np.ndarray, " y"]]]:
    """For each label that occurs, the commonest label vector that includes it.

    Ties go to fewer findings, then to the smaller vector. A vector that an earlier
    label already shows is passed over for the next; labels with none left are absent.

    Returns:
        (label, vector) pairs, by label; NaN (unknown) is -1 in the vectors.
    """
    vectors, counts = np.unique(
        np.nan_to_num(label, nan=_UNKNOWN), axis=0, return_counts=True
    )
    size = (vectors == 1).sum(axis=1)
    order = np.lexsort((np.arange(len(vectors)), size, -counts))
    shown: set[int] = set()
    columns = []
    for y in range(label.shape[1]):
        choices = [int(v) for v in order if vectors[v, y] == 1 and int(v) not in shown]
        if choices:
            shown.add(choices[0])
            columns.append((y, vectors[choices[0]]))
    return columns


def write_grids(
    real: Table, synthetic: Table, names: tuple[str, ...], *, rows: int, out: Path
) -> None:
    """Writes `real.png`, `synthetic.png` and `grid.json` into `out`.

    Each column shows one finding in its commonest combination with others, the first
    `rows` images with exactly that label vector in order of their ids: none is chosen.
    Where there are fewer, cells stay black.
    """
    columns = typical_vectors(real.label)
    described: list[dict[str, Any]] = [
        {
            "finding": names[y],
            "labels": [n for n, v in zip(names, vector, strict=True) if v == 1],
            "unknown": [n for n, v in zip(names, vector, strict=True) if v < 0],
        }
        for y, vector in columns
    ]
    for arm, table in (("real", real), ("synthetic", synthetic)):
        sheet = np.zeros((rows, len(columns), *table.pixels.shape[1:]), np.uint8)
        known = np.nan_to_num(table.label, nan=_UNKNOWN)
        for c, (_, vector) in enumerate(columns):
            found = np.flatnonzero((known == vector).all(axis=1))[:rows]
            sheet[: len(found), c] = to_bytes(table.pixels[found])
            described[c][f"{arm}_ids"] = table.id[found].tolist()
        if columns:
            images = sheet.reshape(-1, *table.pixels.shape[1:])
            save_png(out / f"{arm}.png", grid(images, len(columns)))
    write_json(
        out / "grid.json",
        {
            "rows": rows,
            "split": "test",
            "resolution": real.pixels.shape[1],
            "columns": described,
        },
    )
