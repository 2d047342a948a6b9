"""Any 2-D set of MedMNIST comes in from its file; no other .npz does harm."""

import io
import json
import os
import pickle
import zipfile

import numpy as np
import pytest

from builders.listings import make_context
from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.images.pixels import unit
from synthjax.data.problems import BadImageError
from synthjax.data.sources.medmnist import MedmnistConfig, digest, list_images

COUNTS = {"train": 5, "val": 2, "test": 3}


def make_arrays(size=28, colour=False, labels=1, classes=9, seed=0, dtype=np.uint8):
    """The six arrays of a set, as MedMNIST stores them."""
    rng = np.random.default_rng(seed)
    tail = (3,) if colour else ()
    arrays = {}
    for split, count in COUNTS.items():
        shape = (count, size, size, *tail)
        arrays[f"{split}_images"] = rng.integers(0, 256, shape, np.uint8)
        values = rng.integers(0, classes, (count, labels))
        arrays[f"{split}_labels"] = values.astype(dtype)
    if labels == 1:
        arrays["test_labels"][0] = classes - 1
    return arrays


@pytest.mark.parametrize("packed", [True, False])
def test_one_channel_may_be_a_last_axis(tmp_path, packed):
    arrays = make_arrays()
    plain = load(save(tmp_path, arrays, packed=packed), tmp_path)
    arrays = {k: v[..., None] if "images" in k else v for k, v in arrays.items()}
    with_axis = load(save(tmp_path, arrays, "own.npz", packed), tmp_path)
    for number in (0, 5):
        record = plain.metadata.record(number)
        np.testing.assert_array_equal(plain.read(record), with_axis.read(record))


def load(path, tmp_path, **changes):
    config = MedmnistConfig(path=str(path), **changes)
    return list_images(config, make_context(tmp_path))


def save(tmp_path, arrays, name="pathmnist.npz", packed=True):
    (np.savez_compressed if packed else np.savez)(tmp_path / name, **arrays)
    return tmp_path / name


def check_pixels(listing, arrays):
    read = pickle.loads(pickle.dumps(listing.read))
    number = 0
    for split, count in COUNTS.items():
        for i in range(count):
            record = listing.metadata.record(number)
            truth = unit(arrays[f"{split}_images"][i])
            truth = truth[..., None] if truth.ndim == 2 else truth
            values = read(record)
            assert values.dtype == np.float32
            np.testing.assert_array_equal(values, truth)
            assert record.id == f"{split}/{i:06d}"
            number += 1
    assert number == len(listing.metadata)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("size", [28, 64])
@pytest.mark.parametrize("colour", [True, False])
def test_classes_become_one_label_each(tmp_path, packed, size, colour):
    arrays = make_arrays(size, colour)
    listing = load(save(tmp_path, arrays, f"pathmnist_{size}.npz", packed), tmp_path)
    assert listing.labels[0] == "adipose"
    assert len(listing.labels) == 9
    numbers = np.concatenate([arrays[f"{split}_labels"] for split in COUNTS])[:, 0]
    np.testing.assert_array_equal(listing.metadata.label, np.eye(9)[numbers])
    assert not listing.has_patients
    assert list(listing.metadata.patient_id) == list(listing.metadata.id)
    assert listing.facts["own splits, not used"] == COUNTS
    json.dumps(dict(listing.facts))
    check_pixels(listing, arrays)
    assert bool(list((tmp_path / "out").rglob("*.npy"))) == packed


def test_several_labels_stay_as_they_are(tmp_path):
    arrays = make_arrays(labels=14, classes=2, dtype=np.int64)
    listing = load(save(tmp_path, arrays, "chestmnist.npz"), tmp_path)
    assert listing.labels[:2] == ("atelectasis", "cardiomegaly")
    truth = np.concatenate([arrays[f"{split}_labels"] for split in COUNTS])
    np.testing.assert_array_equal(listing.metadata.label, truth)
    other = load(save(tmp_path, arrays, "mine.npz"), tmp_path)
    assert other.labels[13] == "label 13"


def test_two_classes_become_one_label(tmp_path):
    arrays = make_arrays(classes=2)
    listing = load(save(tmp_path, arrays, "pneumoniamnist.npz"), tmp_path)
    assert listing.labels == ("pneumonia",)
    truth = np.concatenate([arrays[f"{split}_labels"] for split in COUNTS])
    np.testing.assert_array_equal(listing.metadata.label, truth)
    assert load(save(tmp_path, arrays, "mine.npz"), tmp_path).labels == ("class 1",)


def test_names_can_be_given(tmp_path):
    path = save(tmp_path, make_arrays(classes=3), "mine.npz")
    assert load(path, tmp_path).labels == ("class 0", "class 1", "class 2")
    names = ("red", "green", "blue")
    assert load(path, tmp_path, label_names=names).labels == names
    with pytest.raises(StudyError, match=r"3 labels.*label_names has 2"):
        load(path, tmp_path, label_names=names[:2])
    with pytest.raises(ConfigError, match="different"):
        MedmnistConfig(label_names=("a", "a"))


def test_images_are_unpacked_once(tmp_path):
    arrays = make_arrays()
    path = save(tmp_path, arrays)
    load(path, tmp_path)
    unpacked = sorted((tmp_path / "out" / "medmnist").iterdir())
    assert len(unpacked) == 3
    times = [file.stat().st_mtime_ns for file in unpacked]
    load(path, tmp_path)
    assert [file.stat().st_mtime_ns for file in unpacked] == times
    others = make_arrays(seed=1)
    check_pixels(load(save(tmp_path, others), tmp_path), others)
    unpacked[0].write_bytes(b"")  # as a full disk leaves it
    check_pixels(load(save(tmp_path, arrays), tmp_path), arrays)


def test_an_image_that_has_gone_is_named(tmp_path):
    listing = load(save(tmp_path, make_arrays(size=31)), tmp_path)
    for file in (tmp_path / "out" / "medmnist").iterdir():
        file.unlink()
    with pytest.raises(
        BadImageError, match=r"train_images.npy gives no train_images/0"
    ) as told:
        listing.read(listing.metadata.record(0))
    assert str(tmp_path) not in told.value.what  # it is kept with the built set


def write_zip(path, members):
    """A zip of raw members; numpy would not write some of these."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)


def member(array):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array), allow_pickle=True)
    return buffer.getvalue()


def with_header(text):
    header = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


CLAIM = "{'descr': '|u1', 'fortran_order': False, 'shape': %s, }"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train_images", None, "has no train_images.*train_labels"),
        ("val_labels", np.array([{}], object), "val_labels holds pickled objects"),
        ("train_images", np.zeros((5, 28, 28), "f4"), r"train_images are float32"),
        ("train_images", np.zeros((5, 28), "u1"), r"uint8 \(5, 28\)"),
        ("train_images", np.zeros((5, 28, 28, 28), "u1"), "a 3-D set"),
        ("train_images", np.zeros((5, 1, 28, 28), "u1"), "channels come first"),
        ("train_images", np.zeros((5, 3, 28, 28), "u1"), "channels come first"),
        ("train_images", np.zeros((5, 28, 28, 4), "u1"), "leave the last .alpha. out"),
        ("train_images", np.zeros((5, 0, 28), "u1"), "a side has"),
        ("train_images", np.zeros((4, 28, 28), "u1"), "as many of both"),
        ("train_images", np.asfortranarray(np.zeros((5, 28, 28), "u1")), "Fortran"),
        ("train_labels", np.zeros((5, 1), "f4"), "train_labels are float32"),
        ("train_labels", np.zeros(5, "u1"), "whole numbers"),
        ("train_labels", np.zeros((5, 2), "u1"), "different numbers of labels"),
        ("train_labels", np.full((5, 1), 100), "to 100; they must be 0 to 99"),
        ("train_labels", np.full((5, 1), -1), "labels are -1"),
        ("train_labels", np.full((5, 1), 2**63, "u8"), "labels are -"),
        ("val_images", b"hello", "val_images is not an array"),
        ("val_images", with_header("{'descr': (("), "val_images is not an array"),
        ("val_images", with_header(CLAIM % "(2, 28, 28)"), "1696 bytes, but 128 are"),
        ("val_images", with_header(CLAIM % "(2, -4, -7)"), "download it again"),
        ("val_images", with_header(CLAIM % "(999999999999,)"), "but 128 are there"),
    ],
)
def test_a_faulty_array_is_named(tmp_path, name, content, message):
    arrays = {f"{n}.npy": member(a) for n, a in make_arrays().items()}
    if content is None:
        del arrays[f"{name}.npy"]
    else:
        isbytes = isinstance(content, bytes)
        arrays[f"{name}.npy"] = content if isbytes else member(content)
    write_zip(tmp_path / "set.npz", arrays)
    with pytest.raises(StudyError, match=message) as caught:
        load(tmp_path / "set.npz", tmp_path)
    assert "set.npz" in str(caught.value)


def test_several_labels_are_zero_or_one(tmp_path):
    arrays = make_arrays(labels=3, classes=3)
    arrays["val_labels"][0] = 2
    with pytest.raises(StudyError, match="labels are 0 to 2; they must be 0 to 1"):
        load(save(tmp_path, arrays), tmp_path)


@pytest.mark.slow
def test_a_bomb_is_not_unpacked(tmp_path):
    arrays = make_arrays()
    arrays["train_images"] = np.zeros((90_000, 28, 28), np.uint8)  # 70 MB of nothing
    arrays["train_labels"] = np.zeros((90_000, 1), np.uint8)
    path = save(tmp_path, arrays)
    with pytest.raises(StudyError, match=r"unpack to 7\d+ bytes.*not a set of images"):
        load(path, tmp_path)
    assert not (tmp_path / "out").exists()


def test_what_is_wrong_with_a_file_is_said(tmp_path):
    with pytest.raises(StudyError, match="--config.data.medmnist.path"):
        load("", tmp_path)
    with pytest.raises(StudyError, match=r"gone.npz is not a file"):
        load(tmp_path / "gone.npz", tmp_path)
    path = save(tmp_path, make_arrays())
    whole = path.read_bytes()
    for content in (b"", b"hello", whole[:5000], whole[:-30]):
        path.write_bytes(content)
        with pytest.raises(
            StudyError, match=r"pathmnist.npz cannot be read as an .npz"
        ):
            load(path, tmp_path)
    assert not list((tmp_path / "out").rglob("*.*"))


@pytest.mark.parametrize("packed", [True, False])
def test_a_flipped_pixel_is_found(tmp_path, packed):
    path = save(tmp_path, make_arrays(), packed=packed)
    flipped = bytearray(path.read_bytes())
    flipped[2000] ^= 255  # among the pixels of train_images
    path.write_bytes(bytes(flipped))
    with pytest.raises(StudyError, match=r"pathmnist.npz cannot be read as an .npz"):
        load(path, tmp_path)
    assert not list((tmp_path / "out").rglob("*.*"))


def test_digest_follows_the_file(tmp_path):
    path = save(tmp_path, make_arrays())
    first = digest(MedmnistConfig(path=str(path)))
    assert first == digest(MedmnistConfig(path=str(path)))
    save(tmp_path, make_arrays(seed=1))
    assert digest(MedmnistConfig(path=str(path))) not in (first, None)
    assert digest(MedmnistConfig(path=str(tmp_path / "gone.npz"))) is None


def test_a_launch_reads_no_image_again(tmp_path, monkeypatch):
    """The 224-pixel sets have gigabytes: checked once, and not for the digest."""
    arrays = make_arrays()
    config = MedmnistConfig(path=str(save(tmp_path, arrays, packed=False)))
    load(config.path, tmp_path)
    opened = []

    def remember(self, member, *rest, original=zipfile.ZipFile.open, **options):
        stream = original(self, member, *rest, **options)
        name, read = getattr(member, "filename", member), stream.read

        def counted(*size):
            data = read(*size)
            opened.append((name, len(data)))
            return data

        stream.read = counted
        return stream

    monkeypatch.setattr(zipfile.ZipFile, "open", remember)
    assert digest(config)
    assert not opened
    check_pixels(load(config.path, tmp_path), arrays)
    images = sum(size for name, size in opened if "images" in name)
    assert 0 < images < 1000  # the headers of the arrays
    save(tmp_path, make_arrays(seed=1), packed=False)
    opened.clear()
    load(config.path, tmp_path)
    assert sum(size for name, size in opened if "images" in name) > 7840


def test_digest_follows_a_rewrite_of_equal_size(tmp_path):
    path = save(tmp_path, make_arrays(), packed=False)
    config, size = MedmnistConfig(path=str(path)), path.stat().st_size
    first = digest(config)
    save(tmp_path, make_arrays(seed=1), packed=False)
    os.utime(path, ns=(0, 0))
    second = digest(config)
    os.utime(path, ns=(0, 10**9))
    assert path.stat().st_size == size
    assert len({first, second, digest(config), None}) == 4
    path.write_bytes(b"hello")
    assert digest(config) is None
