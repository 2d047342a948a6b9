"""Real and synthetic images of one finding stand side by side, pixel by pixel."""

import io

import numpy as np
from PIL import Image

from synthjax.core.files import write_json
from synthjax.core.logbook import grid, save_png
from synthjax.report.config import ReportConfig
from synthjax.report.figure_folder import FigureFolder
from synthjax.report.section import SectionInputs
from synthjax.report.sections.images import images
from synthjax.report.study_reader import StudyReader


def test_each_finding_has_the_column_of_its_images(tmp_path):
    rng = np.random.default_rng(0)
    images_u8 = rng.integers(0, 256, (2, 12, 8, 8, 1)).astype(np.uint8)
    folder = tmp_path / "evaluate" / "grids"
    for arm, of_arm_u8 in zip(("real", "synthetic"), images_u8):
        save_png(folder / f"{arm}.png", grid(of_arm_u8, 4))
    columns = [
        {"finding": name, "labels": ["a", name] if name > "a" else ["a"]}
        for name in "abcd"
    ]
    write_json(folder / "grid.json", {"columns": columns})
    figures = FigureFolder(tmp_path / "figures")
    config = ReportConfig(images_per_finding=3)
    inputs = SectionInputs(config, {}, StudyReader(tmp_path), figures, {})
    pairs = images(inputs)["pairs"]
    assert [pair["finding"] for pair in pairs] == ["a", "b", "c", "d"]
    assert [pair["others"] for pair in pairs] == [[], ["a"], ["a"], ["a"]]
    assert pairs[3]["synthetic"]["alt"] == "Synthetic test images with d, a"
    for arm, of_arm_u8 in zip(("real", "synthetic"), images_u8):
        content = (tmp_path / "figures" / f"pair-03-{arm}.png").read_bytes()
        strip = np.asarray(Image.open(io.BytesIO(content)))
        assert (strip.shape[1], strip.shape[0]) == (
            pairs[3][arm]["width"],
            pairs[3][arm]["height"],
        )
        np.testing.assert_array_equal(strip[18:26], of_arm_u8[11, ..., 0])


def test_grids_that_are_not_there_are_noted(tmp_path):
    study = StudyReader(tmp_path)
    inputs = SectionInputs(ReportConfig(), {}, study, FigureFolder(tmp_path), {})
    assert images(inputs) == {"pairs": []}
    assert study.missing == (
        "evaluate/grids/real.png",
        "evaluate/grids/synthetic.png",
        "evaluate/grids/grid.json",
    )
