"""Real and synthetic images side by side: the same label combination in each column."""

from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8

from synthjax.core.files import write_json
from synthjax.core.logbook import grid, save_png
from synthjax.data.images.pixels import to_bytes
from synthjax.data.label_combinations import has_combination, label_combinations
from synthjax.data.store.loader import Table

Columns = list[tuple[int, Float32[np.ndarray, " y"]]]


def typical_combinations(label: Float32[np.ndarray, "n y"]) -> Columns:
    """Find for each label that occurs the commonest label combination that includes it.

    Ties go to fewer findings, then to the smaller vector. A combination that an earlier
    label already shows is passed over for the next; labels with none left are absent.

    Returns:
        (label, combination) pairs, by label.
    """
    combinations, counts = label_combinations(label)
    size = (combinations == 1).sum(axis=1)
    order = np.lexsort((np.arange(len(combinations)), size, -counts))
    shown: set[int] = set()
    columns = []
    for y in range(label.shape[1]):
        having = [int(i) for i in order if combinations[i, y] == 1]
        choices = [i for i in having if i not in shown]
        if choices:
            shown.add(choices[0])
            columns.append((y, combinations[choices[0]]))
    return columns


def write_label_grids(
    real: Table, synthetic: Table, names: tuple[str, ...], *, rows: int, out: Path
) -> None:
    """Write `real.png`, `synthetic.png` and `grid.json` into `out`.

    Each column shows one finding in its commonest combination with others, the first
    `rows` images with exactly that label combination in order of their ids: none is
    chosen. Where there are fewer, cells stay black.
    """
    columns = typical_combinations(real.label)
    described = [
        {
            "finding": names[y],
            "labels": [n for n, v in zip(names, vector, strict=True) if v == 1],
            "unknown": [n for n, v in zip(names, vector, strict=True) if np.isnan(v)],
        }
        for y, vector in columns
    ]
    for arm, table in (("real", real), ("synthetic", synthetic)):
        sheet, ids = _fill(table, columns, rows)
        for column, shown in zip(described, ids, strict=True):
            column[f"{arm}_ids"] = shown
        if columns:
            images = sheet.reshape(-1, *sheet.shape[2:])
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


def _fill(
    table: Table, columns: Columns, rows: int
) -> tuple[UInt8[np.ndarray, "rows columns h w c"], list[list[str]]]:
    """Return the cells of a set, and the ids of the images in each column."""
    sheet = np.zeros((rows, len(columns), *table.pixels.shape[1:]), np.uint8)
    ids = []
    for c, (_, vector) in enumerate(columns):
        found = np.flatnonzero(has_combination(table.label, vector))[:rows]
        sheet[: len(found), c] = to_bytes(table.pixels[found])
        ids.append(table.id[found].tolist())
    return sheet, ids
