"""The doctor knows every source: clean ones pass, and faults of their own are found."""

import dataclasses

import pytest

from builders.records import chest_records, head_records
from builders.scans import faults
from synthjax.data.config import DataConfig
from synthjax.data.doctor import validate
from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.layouts.chexpert import write_chexpert
from synthjax.data.layouts.mimic_cxr_jpg import write_mimic_cxr_jpg
from synthjax.data.layouts.nih14 import write_nih14
from synthjax.data.layouts.rsna_ich import write_rsna
from synthjax.data.sources.chexpert import ChexpertConfig
from synthjax.data.sources.mimic_cxr_jpg import MimicCxrJpgConfig
from synthjax.data.sources.nih14 import Nih14Config
from synthjax.data.sources.phantom_brain import PhantomBrainConfig
from synthjax.data.sources.phantom_chest import PhantomChestConfig
from synthjax.data.sources.rsna_ich import RsnaIchConfig


def chexpert_tree(root):
    write_chexpert(root, chest_records(40))
    return DataConfig(source="chexpert", chexpert=ChexpertConfig(path=str(root)))


def nih14_tree(root):
    write_nih14(root, chest_records(40))
    return DataConfig(source="nih14", nih14=Nih14Config(path=str(root)))


def mimic_tree(root):
    write_mimic_cxr_jpg(root, chest_records(40))
    mimic = MimicCxrJpgConfig(path=str(root))
    return DataConfig(source="mimic_cxr_jpg", mimic_cxr_jpg=mimic)


def rsna_tree(root):
    write_rsna(root, head_records(40))
    pixels = PixelsConfig(window="brain")
    rsna = RsnaIchConfig(path=str(root))
    return DataConfig(source="rsna_ich", rsna_ich=rsna, pixels=pixels)


def phantom_chest(root):
    chest = PhantomChestConfig(patients=12)
    return DataConfig(resolution=32, phantom_chest=chest)


def phantom_brain(root):
    brain = PhantomBrainConfig(patients=8)
    return DataConfig(source="phantom_brain", resolution=64, phantom_brain=brain)


@pytest.mark.parametrize(
    "make",
    [chexpert_tree, nih14_tree, mimic_tree, rsna_tree, phantom_chest, phantom_brain],
)
def test_clean_sources_have_no_findings(tmp_path, make):
    config = dataclasses.replace(make(tmp_path / "tree"), workers=1)
    report = validate(config, seed=0, prepared=tmp_path)
    assert not faults(report)
    assert not report.fatal
    assert "a build would go through" in report.text()


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (",PA,1.0", ",PA,3", "label unknown"),
        (",PA,0.0", ",PA,no", "label unknown"),
        ("view1_frontal", "view7_frontal_", "file name"),
        ("study1/view2", "study9/view2", "file missing"),
    ],
)
def test_chexpert_rows(tmp_path, old, new, kind):
    config = chexpert_tree(tmp_path / "tree")
    edit(tmp_path / "tree" / "train.csv", old, new)
    report = validate(config, seed=0, prepared=tmp_path)
    assert kind in faults(report)
    assert report.fatal


def test_haemorrhage_tables_and_headers(tmp_path):
    root = tmp_path / "tree"
    config = rsna_tree(root)
    table = root / "stage_2_train.csv"
    edit(table, "image003_any,1", "image003_any,0")
    edit(table, "image004_any,", "image004_few,")
    edit(table, "image005_epidural,", "image005_epidural,7")
    (root / "stage_2_train" / "image006.dcm").unlink()
    path = root / "stage_2_train" / "image007.dcm"
    path.write_bytes(path.read_bytes()[:-200])
    path = root / "stage_2_train" / "image008.dcm"
    path.write_bytes(path.read_bytes()[: -32 * 32 * 2 - 12])
    report = validate(config, seed=0, prepared=tmp_path)
    text = "\n".join(place for f in report.diagnostics for place in f.places)
    for number in range(3, 9):
        assert f"image{number:03d}" in text, text
    assert "no PixelData" in text
    assert "cut off" in text
    assert report.fatal
