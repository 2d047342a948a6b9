"""Spoilt tables and archives: a named error or a sound listing, never a crash."""

import csv
import gzip
import json
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, note, seed, settings
from hypothesis import strategies as st

from builders.listings import make_context
from builders.seeds import REPEAT, SEED
from synthjax.core.errors import StudyError
from synthjax.core.findings import CHEST
from synthjax.data.layouts.chexpert import write_chexpert
from synthjax.data.layouts.mimic_cxr_jpg import write_mimic_cxr_jpg
from synthjax.data.layouts.nih14 import write_nih14
from synthjax.data.problems import Problems
from synthjax.data.schema import Record
from synthjax.data.sources import chexpert, folder, medmnist, mimic_cxr_jpg, nih14

SNIPPETS = [
    *(b'"', b'""', b",", b"\n", b"\r", b"\0", b"\xff", b"\xef\xbb\xbf", b"../", b"|"),
    *(b"{", b"]", b"nan", b"inf", b"1e999", b"-0", b"9" * 400, "٣".encode(), b"\x1c"),
]
EDITS = st.lists(
    st.tuples(
        st.floats(0, 1),  # where
        st.integers(0, 30),  # bytes taken away
        st.sampled_from(SNIPPETS) | st.binary(max_size=3) | st.just(None),
    ),
    min_size=1,
    max_size=6,
)


def spoil(content, edits):
    """Cut out, insert, or (None) repeat bytes at some places; the last may cut off."""
    for place, taken, added in edits:
        at = int(place * len(content))
        if added is None:
            added = content[at : at + 3 * taken] * 2
        content = content[:at] + added + content[at + taken :]
    return content if len(edits) % 5 else content[: int(edits[-1][0] * len(content))]


def make_records():
    rng = np.random.default_rng(0)
    for number in range(5):
        label = rng.choice([0, 1, np.nan], 14).astype(np.float32)
        label[number] = 1
        yield Record(
            id=f"image {number}",
            pixels=rng.integers(0, 256, (8, 8, 1), np.uint8),
            label=label,
            patient_id=f"p{number // 2}",
            age=60.0,
            sex="F",
            view="PA",
        )


def make_chexpert(root):
    write_chexpert(root, make_records())
    return root / "train.csv", chexpert, chexpert.ChexpertConfig(path=str(root))


def make_plus(root, table):
    write_chexpert(root / "PNG", make_records())
    text = (root / "PNG/train.csv").read_text()
    rows = list(csv.DictReader(text.splitlines()))
    (root / "PNG/train.csv").unlink()
    (root / "chexbert_labels").mkdir()
    names = [row["Path"].removeprefix("PNG/") for row in rows]
    for name in names:
        (root / "PNG" / name).rename((root / "PNG" / name).with_suffix(".png"))
    with open(root / "df_chexpert_plus_240401.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path_to_image", "report", "sex", "age", "ap_pa"])
        writer.writerows([name, "no,\nnone", "Male", "3", "AP"] for name in names)
    with open(root / "chexbert_labels/impression_fixed.json", "w") as file:
        for name in names:
            labels = dict.fromkeys(CHEST, 1.0)
            file.write(json.dumps({"path_to_image": name, **labels}) + "\n")
    return root / table, chexpert, chexpert.ChexpertConfig(path=str(root))


def make_nih14(root):
    write_nih14(root, make_records())
    return root / "Data_Entry_2017.csv", nih14, nih14.Nih14Config(path=str(root))


def make_mimic(root, kind, packed):
    write_mimic_cxr_jpg(root, make_records())
    table = root / f"mimic-cxr-2.0.0-{kind}.csv.gz"
    if not packed:
        content = gzip.decompress(table.read_bytes())
        table.unlink()
        table = table.with_suffix("")
        table.write_bytes(content)
    config = mimic_cxr_jpg.MimicCxrJpgConfig(path=str(root))
    return table, mimic_cxr_jpg, config


def make_folder(root):
    write_chexpert(root, make_records())
    (root / "train.csv").unlink()
    names = [path.relative_to(root) for path in sorted(root.rglob("*.jpg"))]
    with open(root / "labels.csv", "w", newline="") as file:
        csv.writer(file).writerows(
            [["file", "who", "age", "cat"], *([name, "p", 3, 1] for name in names)]
        )
    columns = {"patient_column": "who", "age_column": "age"}
    return root / "labels.csv", folder, folder.FolderConfig(str(root), **columns)


def make_medmnist(root, save):
    root.mkdir()
    arrays = {}
    for split in medmnist.SPLITS:
        arrays[f"{split}_images"] = np.full((3, 8, 8), 7, np.uint8)
        arrays[f"{split}_labels"] = np.array([[0], [1], [2]])
    save(root / "set.npz", **arrays)
    path = root / "set.npz"
    return path, medmnist, medmnist.MedmnistConfig(path=str(path))


MAKERS = {
    "chexpert": make_chexpert,
    "plus table": lambda root: make_plus(root, "df_chexpert_plus_240401.csv"),
    "plus labels": lambda root: make_plus(
        root, "chexbert_labels/impression_fixed.json"
    ),
    "nih14": make_nih14,
    "mimic metadata": lambda root: make_mimic(root, "metadata", False),
    "mimic labels": lambda root: make_mimic(root, "chexpert", False),
    "mimic split": lambda root: make_mimic(root, "split", False),
    "mimic packed": lambda root: make_mimic(root, "chexpert", True),
    "folder": make_folder,
    "medmnist": lambda root: make_medmnist(root, np.savez),
    "medmnist packed": lambda root: make_medmnist(root, np.savez_compressed),
}


@pytest.fixture(scope="module", params=MAKERS)
def tree(request, tmp_path_factory):
    """A table to spoil, its bytes, its source and the source's config."""
    base = tmp_path_factory.mktemp("tree")
    path, source, config = MAKERS[request.param](base / "set")
    return base / "out", path, path.read_bytes(), source, config


def context(out, action):
    return make_context(out, Problems(action, 1.0))


def check(listing):
    """Every row of a listing is whole."""
    rows, label = listing.metadata, listing.metadata.label
    assert label.shape == (len(rows), len(listing.labels))
    assert np.all((label == 0) | (label == 1) | np.isnan(label))
    assert all(rows.id) and len(set(rows.id)) == len(rows)
    assert all(rows.patient_id)
    assert listing.read(rows.record(0)).shape == (8, 8, 1)
    json.dumps(dict(listing.facts), allow_nan=False)


@pytest.mark.slow
@seed(SEED)
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(edits=EDITS)
def test_a_spoilt_table_is_named_or_read(tree, edits):
    note(REPEAT)
    out, path, content, source, config = tree
    path.write_bytes(spoil(content, edits))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        source.digest(config)
        for action in ("error", "skip"):
            try:
                check(source.list_images(config, context(out, action)))
            except StudyError as error:
                named = (path.name, ".jpg", ".png", str(out.parent))
                assert any(name in str(error) for name in named), error


def test_the_trees_are_sound(tree):
    out, path, content, source, config = tree
    path.write_bytes(content)
    listing = source.list_images(config, context(out, "error"))
    assert len(listing.metadata) >= 4
    check(listing)
