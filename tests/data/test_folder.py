"""A folder of images comes in as it is, or one message says what to correct."""

import csv
import re

import numpy as np
import pytest
from PIL import Image

from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.sources.folder import (
    FolderConfig,
    digest,
    read_listing,
    records,
)

HEADER = ["file", "patient", "age", "sex", "view", "cat", "dog"]


def save(path, value=100, size=(20, 20), mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(path)


def write_table(root, rows, header=HEADER):
    with open(root / "labels.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "scans"
    save(root / "a.png", 10)
    save(root / "deep" / "b.jpg", 200)
    return root


def config_of(root, **changes):
    columns = {
        "patient_column": "patient",
        "age_column": "age",
        "sex_column": "sex",
        "view_column": "view",
    }
    return FolderConfig(path=str(root), **{**columns, **changes})


def load(config, resolution=16, channels=1):
    listing = read_listing(config)
    images = records(
        config, listing, resolution=resolution, channels=channels, workers=2
    )
    return listing.labels, list(images)


def test_rows_become_records(root):
    write_table(
        root,
        [
            ["a.png", "p1", "61.5", "female", "PA", "1", ""],
            ["deep/b.jpg", "p2", "", "M", "", "0", "1.0"],
        ],
    )
    labels, (first, second) = load(config_of(root))
    assert labels == ("cat", "dog")
    assert (first.id, first.patient_id, first.age) == ("a.png", "p1", 61.5)
    assert (first.sex, first.view, first.origin) == ("F", "PA", "a.png")
    np.testing.assert_array_equal(first.label, [1, np.nan])
    np.testing.assert_array_equal(first.image_u8, np.full((16, 16, 1), 10))
    assert second.id == "deep/b.jpg"
    assert np.isnan(second.age)
    np.testing.assert_array_equal(second.label, [0, 1])
    assert abs(int(second.image_u8.mean()) - 200) <= 1


def test_label_columns_can_be_chosen_and_patients_left_out(root):
    write_table(root, [["a.png", "p1", "", "", "", "1", "0"]])
    config = FolderConfig(path=str(root), label_columns=("dog",))
    labels, (record,) = load(config)
    assert labels == ("dog",)
    assert record.patient_id == record.id == "a.png"


def test_aspect_is_padded_or_squashed(root):
    save(root / "wide.png", 90, size=(40, 20))
    write_table(root, [["wide.png", "p", "", "", "", "1", "0"]])
    _, (padded,) = load(config_of(root))
    assert padded.image_u8[0].max() == 0
    assert padded.image_u8[8].min() == 90
    _, (squashed,) = load(config_of(root, aspect="squash"))
    np.testing.assert_array_equal(squashed.image_u8, 90)


@pytest.mark.parametrize(
    ("mode", "value"),
    [
        ("RGB", (255, 0, 0)),
        ("RGBA", (255, 0, 0, 9)),
        ("P", 3),
        ("LA", (7, 9)),
        ("1", 1),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_usual_mode_is_read(root, mode, value, channels):
    save(root / "m.png", value, mode=mode)
    write_table(root, [["m.png", "p", "", "", "", "1", "0"]])
    _, (record,) = load(config_of(root), channels=channels)
    assert record.image_u8.shape == (16, 16, channels)


def test_sixteen_bits_need_a_white_value(root):
    deep = np.linspace(0, 4095, 400).reshape(20, 20).astype(np.uint16)
    Image.fromarray(deep).save(root / "deep.png")
    write_table(root, [["deep.png", "p", "", "", "", "1", "0"]])
    with pytest.raises(StudyError, match=r"row 2.*deep.png.*16 bits.*white"):
        load(config_of(root))
    _, (record,) = load(config_of(root, white=4095))
    assert record.image_u8.min() < 10
    assert record.image_u8.max() > 245


def problem(root, row, **changes):
    write_table(root, [["a.png", "p1", "", "", "", "1", "0"], row])
    with pytest.raises(StudyError) as caught:
        read_listing(config_of(root, **changes))
    return str(caught.value)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (["gone.png", "p", "", "", "", "1", "0"], "'gone.png' does not exist"),
        (["a.png", "p", "", "", "", "1", "0"], "comes twice, first in row 2"),
        (["./a.png", "p", "", "", "", "1", "0"], "comes twice, first in row 2"),
        (["deep/b.jpg", "p", "", "", "", "yes", "0"], "label 'cat'.*'yes'.*0, 1 or"),
        (["deep/b.jpg", "p", "", "", "", "-1", "0"], "label 'cat'.*'-1'.*blank"),
        (["../secret.png", "p", "", "", "", "1", "0"], "leaves the folder"),
        (["/etc/passwd", "p", "", "", "", "1", "0"], "leaves the folder"),
        (["link.png", "p", "", "", "", "1", "0"], "leaves the folder"),
        (["", "p", "", "", "", "1", "0"], "leaves the folder"),
        (["deep/b.jpg", "", "", "", "", "1", "0"], "no patient"),
        (["deep/b.jpg", "p", "old", "", "", "1", "0"], "age 'old'"),
        (["deep/b.jpg", "p", "", "x", "", "1", "0"], "sex 'x'"),
        (["deep/b.jpg", "p", "", "", "", "1"], "columns as the header"),
        (["deep/b.jpg", "p", "", "", "", "1", "0", "0"], "columns as the header"),
    ],
)
def test_a_faulty_row_is_named(root, tmp_path, row, message):
    save(tmp_path / "secret.png")
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    found = problem(root, row)
    assert "row 3: " in found
    assert "labels.csv" in found
    assert re.search(message, found)


def test_at_most_ten_problems_are_listed(root):
    rows = [[f"gone{number}.png", "p", "", "", "", "1", "0"] for number in range(14)]
    write_table(root, rows)
    with pytest.raises(StudyError) as caught:
        read_listing(config_of(root))
    assert "14 problem(s)" in str(caught.value)
    assert str(caught.value).count("does not exist") == 10
    assert "and 4 more" in str(caught.value)


def test_missing_table_column_rows_and_labels(root):
    with pytest.raises(StudyError, match=r"labels\.csv does not exist"):
        read_listing(config_of(root))
    write_table(root, [])
    with pytest.raises(StudyError, match="no rows"):
        read_listing(config_of(root))
    write_table(root, [["a.png", "1"]], header=["image", "cat"])
    with pytest.raises(StudyError, match=r"no column 'file'.*'image'"):
        read_listing(FolderConfig(path=str(root)))
    with pytest.raises(StudyError, match="no column 'cow'"):
        read_listing(
            FolderConfig(path=str(root), file_column="image", label_columns=("cow",))
        )
    write_table(root, [["a.png"]], header=["file"])
    with pytest.raises(StudyError, match="no label column"):
        read_listing(FolderConfig(path=str(root)))
    write_table(root, [["a.png", "1", "1"]], header=["file", "cat", "cat"])
    with pytest.raises(StudyError, match=r"'cat'.*twice"):
        read_listing(FolderConfig(path=str(root)))
    (root / "labels.csv").write_bytes(b"file,cat\n\xff\xfe,1\n")
    with pytest.raises(StudyError, match="UTF-8"):
        read_listing(FolderConfig(path=str(root)))
    with pytest.raises(StudyError, match="config.data.folder.path"):
        read_listing(FolderConfig())


@pytest.mark.parametrize("fault", ["truncated", "text"])
def test_an_unreadable_image_is_named(root, fault):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    Image.fromarray(noise).save(root / "bad.png")
    whole = (root / "bad.png").read_bytes()
    (root / "bad.png").write_bytes(whole[:900] if fault == "truncated" else b"hello")
    write_table(
        root,
        [["a.png", "p", "", "", "", "1", "0"], ["bad.png", "q", "", "", "", "1", "0"]],
    )
    with pytest.raises(
        StudyError, match=r"row 3 of labels.csv.*bad.png cannot be read"
    ):
        load(config_of(root))


def test_the_table_is_checked_before_any_image_is_read(root, monkeypatch):
    monkeypatch.setattr(Image, "open", lambda *a, **k: pytest.fail("image opened"))
    assert "does not exist" in problem(root, ["no.png", "p", "", "", "", "1", "0"])


def test_digest_follows_the_table_and_the_images(root):
    row = ["a.png", "p1", "", "", "", "1", "0"]
    write_table(root, [row])
    first = digest(config_of(root))
    assert first and digest(config_of(root)) == first
    save(root / "a.png", 10, size=(30, 20))
    second = digest(config_of(root))
    write_table(root, [[*row[:-1], "1"]])
    assert len({first, second, digest(config_of(root))}) == 3
    (root / "a.png").unlink()
    assert digest(config_of(root)) is None
    (root / "labels.csv").write_bytes(b"file,cat\na\0.png,1\n")
    assert digest(config_of(root)) is None


def test_config_is_checked():
    with pytest.raises(ConfigError, match="pad or squash"):
        FolderConfig(aspect="crop")
    with pytest.raises(ConfigError, match="white"):
        FolderConfig(white=-1)
