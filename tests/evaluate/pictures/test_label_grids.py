"""Sheets of real and synthetic images: the same labels column by column."""

import json

import numpy as np
from PIL import Image

from synthjax.evaluate.pictures.label_grids import typical_combinations


def test_grids_show_the_same_labels_column_by_column(results) -> None:
    grids = results[1] / "grids"
    described = json.loads((grids / "grid.json").read_text())
    columns = described["columns"]
    assert [column["finding"] for column in columns] == ["One", "Two"]
    # One occurs 17 times alone and 8 with Two; Two is shown in what is left: alone.
    assert [column["labels"] for column in columns] == [["One"], ["Two"]]
    assert columns[0]["real_ids"] == ["r001", "r005", "r007"]
    assert columns[0]["synthetic_ids"] == ["s001", "s005", "s007"]
    real, synthetic = (
        np.asarray(Image.open(grids / f"{arm}.png")) for arm in ("real", "synthetic")
    )
    assert real.shape == synthetic.shape == (3 * 17 - 1, 2 * 17 - 1)
    assert (real[8, 8], real[8, 25]) == (40, 0)
    assert (synthetic[8, 8], synthetic[8, 25]) == (140, 100)


def test_typical_combinations_are_distinct_and_commonest() -> None:
    label = np.array([[1, 1]] * 3 + [[0, 1]] * 2 + [[0, 0]] * 9, np.float32)
    found = [(y, vector.tolist()) for y, vector in typical_combinations(label)]
    assert found == [(0, [1, 1]), (1, [0, 1])]
    assert typical_combinations(np.zeros((4, 2), np.float32)) == []
