"""What tables say before their images are downloaded: counted here without the project.

The tables are as long as a thousand rows and have the columns, blanks and oddities of
the published ones; their patients are made up, for the published rows are not ours.
"""

import csv
from collections import Counter, defaultdict

import numpy as np
import pytest

from builders import chexpert, nih
from synthjax.core.findings import CHEST
from synthjax.data.config import DataConfig
from synthjax.data.doctor import validate
from synthjax.data.sources.chexpert import ChexpertConfig
from synthjax.data.sources.nih14 import FINDINGS, Nih14Config

SCALE = 0.01  # of the cohort's rules: 40 images of each split, combinations above 3


@pytest.fixture
def chexpert_config(tmp_path):
    """A thousand rows of train.csv: two views, blanks, uncertain labels."""
    random, rows = np.random.default_rng(0), []
    common = [random.choice(14, size=k, replace=False) for k in (1, 1, 2, 2, 3, 4)]
    for number in range(1000):
        patient, study = f"patient{number // 2 + 1:05d}", number % 2 + 1
        side, view = (
            ("Lateral", "lateral") if number % 7 == 3 else ("Frontal", "frontal")
        )
        path = f"CheXpert-v1.0-small/train/{patient}/study{study}/view1_{view}.jpg"
        positive = common[random.choice(6)] if number % 10 else random.choice(14, 5)
        labels = np.full(14, "", object)
        labels[random.choice(14, 3)] = "0.0"
        labels[positive] = random.choice(["1.0", "-1.0"], len(positive))
        sides = [str(random.choice(["Female", "Male"])), str(random.integers(18, 91))]
        rows.append([path, *sides, side, "AP" if side == "Frontal" else "", *labels])
    root = tmp_path / "CheXpert-v1.0-small"
    root.mkdir()
    chexpert.write_table(root / "train.csv", rows)
    return DataConfig(
        source="chexpert",
        modality="chest",
        cohort="resolution",
        cohort_scale=SCALE,
        chexpert=ChexpertConfig(path=str(root)),
    )


def test_the_cohort_of_a_table(chexpert_config, tmp_path):
    found = validate(chexpert_config, seed=0, prepared=tmp_path, tables_alone=True)
    assert not found.fatal, found.text()
    kept = Counter()
    with open(tmp_path / "CheXpert-v1.0-small" / "train.csv", newline="") as file:
        for row in csv.DictReader(file):
            vector = tuple(row[name] in ("1.0", "-1.0") for name in CHEST)
            kept[vector] += row["Frontal/Lateral"] == "Frontal" and any(vector)
    assert dict(found.facts)["images"].startswith(f"{sum(kept.values())} of ")
    frequent = sum(count for count in kept.values() if count > round(256 * SCALE))
    labels, combinations = found.tables
    assert combinations.title.endswith(f"({sum(count > 0 for count in kept.values())})")
    images = {name: cells for name, *cells in labels.rows}["images"]
    train, valid, test, total = (int(cell.replace(",", "")) for cell in images[:4])
    assert valid == test == round(4000 * SCALE)
    assert train + valid + test == total < frequent
    assert train == pytest.approx(0.8 * frequent, rel=0.1)


def test_the_findings_of_a_table(tmp_path):
    random, rows, patients = np.random.default_rng(1), [], defaultdict(int)
    for _ in range(1000):
        patient = int(random.integers(1, 300))
        follow_up = patients[patient]
        patients[patient] += 1
        names = [FINDINGS[i] for i in sorted(random.choice(14, random.integers(0, 4)))]
        text = "|".join(dict.fromkeys(names)) or "No Finding"
        name = f"{patient:08d}_{follow_up:03d}.png"
        rows.append([name, text, follow_up, patient, 40, "F", "PA"])
    root = tmp_path / "CXR8"
    root.mkdir()
    nih.write_table(root, rows, nih.HEADER_2020, "Data_Entry_2017_v2020.csv")
    config = DataConfig(source="nih14", nih14=Nih14Config(path=str(root)))
    found = validate(config, seed=0, prepared=tmp_path, tables_alone=True)
    assert not found.fatal, found.text()
    counts = Counter(finding for row in rows for finding in row[1].split("|"))
    table = {name: cells[3] for name, *cells in found.tables[0].rows}
    for finding in FINDINGS:
        assert table[finding].split()[0].replace(",", "") == str(counts[finding])
    assert "as far as the tables tell. The images were not looked at" in found.verdict()


def test_a_source_without_tables_says_so(tmp_path):
    config = DataConfig(source="digits", resolution=16)
    found = validate(config, seed=0, prepared=tmp_path, tables_alone=True)
    assert found.fatal
    (stopped,) = found.diagnostics
    assert "cannot be listed by its tables alone, as chexpert" in stopped.places[0]
