"""Shards: the same files whatever the workers, nothing done twice, nothing lost."""

import dataclasses
import hashlib
import io
import os

import numpy as np
import pytest

from synthjax.core.errors import StudyError
from synthjax.data import parallel
from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.listing import make_metadata
from synthjax.data.problems import BadImageError, Problems
from synthjax.data.schema import Record, Schema, encode_png
from synthjax.data.store import recipe, shards
from synthjax.data.store.codec import decode_example, encode_example, features
from synthjax.data.store.recipe import Recipe, make_examples

SCHEMA = Schema("waves", ("high",), 16, 1)
SPLITS = {"train": list(range(60)), "valid": list(range(60, 70))}


@dataclasses.dataclass(frozen=True)
class Waves:
    """Renders a wave per row; every `bad`-th row has a broken file."""

    bad: int = 0

    def __call__(self, record):
        number = int(record.id)
        if self.bad and number % self.bad == 1:
            raise BadImageError(record.origin, "is broken; replace it")
        wave = np.sin(np.arange(400) * (0.02 + number / 100)) / 2 + 0.5
        return wave.reshape(20, 20, 1).astype(np.float32)


def rows_of(count):
    ids = [f"{number:03d}" for number in range(count)]
    return make_metadata(
        id=ids,
        label=[[number % 2] for number in range(count)],
        patient_id=[f"p{number // 2}" for number in range(count)],
        origin=[f"{name}.png" for name in ids],
    )


def recipe_of(*, skip=False, bad=0, bits=8, root=None):
    schema = dataclasses.replace(SCHEMA, bits=bits)
    return Recipe(Waves(bad), schema, PixelsConfig(bits=bits), root, skip)


def write(directory, *, made=None, limit=0.0, workers=1):
    (directory / shards.FILES).mkdir(parents=True, exist_ok=True)
    rows, made = rows_of(70), made or recipe_of()
    plan = shards.plan_shards(rows, SPLITS, image_bytes=1000, shard_mb=0.015)
    problems = Problems("skip" if made.skip else "error", limit)
    return plan, shards.write_shards(
        directory, made, rows, plan, problems=problems, workers=workers
    )


def digests(directory):
    files = sorted((directory / shards.FILES).glob("*-of-?????"))
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


@pytest.mark.parametrize("bits", [8, 16])
def test_tfds_makes_the_same_example(bits):
    """TFDS's own serialisation is the format; ours is only faster."""
    schema = Schema("noise", ("a", "b"), 16, 1, bits)
    pixels = np.random.default_rng(0).integers(0, 2**bits, (16, 16, 1), schema.dtype)
    label = np.array([1, np.nan], np.float32)
    record = Record("i", pixels, label, "p", "s", 61.5, "F", "PA", "a/b.png")
    png = encode_png(pixels)
    ours = encode_example(record, png)
    fields = {**vars(record), "image": io.BytesIO(png)}
    del fields["pixels"]
    theirs = features(schema).serialize_example(fields)
    for data in (ours, theirs):
        again = decode_example(data, schema)
        for field in dataclasses.fields(Record):
            np.testing.assert_array_equal(
                getattr(again, field.name), getattr(record, field.name)
            )
    if bits == 8:  # TFDS decodes 16 bits with OpenCV alone
        parsed = features(schema).deserialize_example_np(ours)
        np.testing.assert_array_equal(parsed["image"], pixels)
    with pytest.raises(StudyError, match=r"image 'i' in here is .* \(16, 16, 1\)"):
        wrong = dataclasses.replace(schema, resolution=32)
        decode_example(ours, wrong, where="here")


@pytest.mark.parametrize(("resolution", "size"), [(16, 32), (512, 30), (1024, 7)])
def test_large_images_are_made_a_few_at_a_time(resolution, size):
    made = recipe_of()
    schema = dataclasses.replace(SCHEMA, resolution=resolution)
    shard = shards.Shard("train", 0, 1, np.arange(100))
    parts = shards.chunks(dataclasses.replace(made, schema=schema), shard)
    assert len(parts[0]) == size
    np.testing.assert_array_equal(np.concatenate(parts), shard.numbers)


def test_shards_are_about_as_large_as_planned():
    rows = rows_of(70)
    plan = shards.plan_shards(rows, SPLITS, image_bytes=1000, shard_mb=0.02)
    assert [(s.split, len(s.numbers)) for s in plan] == [
        *[("train", 20)] * 3,
        ("valid", 10),
    ]
    assert plan[1].name == "image_set-train.array_record-00001-of-00003"
    huge = shards.plan_shards(rows, SPLITS, image_bytes=1e12, shard_mb=200)
    assert len(huge) == 70


def test_same_files_whatever_the_workers(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "_CHUNK", 4)
    monkeypatch.setattr(parallel, "_FEW", 0)
    _, alone = write(tmp_path / "alone")
    _, shared = write(tmp_path / "shared", workers=2)
    assert digests(tmp_path / "alone") == digests(tmp_path / "shared")
    assert [note.images for note in alone] == [note.images for note in shared]
    assert set(alone[0].seconds) == set(recipe.PHASES)


def test_finished_shards_are_not_done_again(tmp_path, monkeypatch):
    plan, first = write(tmp_path)
    before = digests(tmp_path)
    assert len(plan) > 3
    gone = plan[1].name
    files, notes = tmp_path / shards.FILES, tmp_path / shards.NOTES
    (notes / f"{gone}.json").unlink()
    (files / f"{gone}.0.partial").write_bytes(b"half")
    (files / plan[2].name).unlink()
    made = []

    def counted(one, rows):
        made.extend(rows.id.tolist())
        return make_examples(one, rows)

    monkeypatch.setattr(shards, "make_examples", counted)
    _, second = write(tmp_path)
    assert digests(tmp_path) == before
    again = [*plan[1].numbers, *plan[2].numbers]
    assert made == [f"{number:03d}" for number in again]
    assert [note.images for note in first] == [note.images for note in second]


def test_bad_files_stop_or_are_counted(tmp_path):
    with pytest.raises(BadImageError, match=r"001\.png is broken"):
        write(tmp_path, made=recipe_of(bad=30))
    made = recipe_of(bad=30, skip=True)
    with pytest.raises(StudyError, match=r"allows 1 of 70[^$]*031\.png"):
        write(tmp_path / "few", made=made, limit=0.02)
    _, written = write(tmp_path / "skipped", made=made, limit=0.05)
    left_out = [number for note in written for number in note.left_out]
    assert left_out == [1, 31, 61]
    assert sum(note.images for note in written) == 67
    problems = [problem for note in written for problem in note.problems]
    assert [problem.where for problem in problems] == ["001.png", "031.png", "061.png"]
    _, again = write(tmp_path / "skipped", made=made, limit=0.05)
    assert [dataclasses.replace(note, seconds={}) for note in written] == again
    with pytest.raises(StudyError, match=r"3 problem\(s\).*on_bad_file=skip"):
        write(tmp_path / "skipped", made=recipe_of(bad=30))


def test_a_shard_whose_files_changed_is_done_again(tmp_path, monkeypatch):
    root = tmp_path / "files"
    root.mkdir()
    for origin in rows_of(70).origin:
        (root / origin).write_text("one")
    plan, _ = write(tmp_path / "build", made=recipe_of(root=root))
    made = []

    def counted(one, rows):
        made.extend(rows.id.tolist())
        return make_examples(one, rows)

    monkeypatch.setattr(shards, "make_examples", counted)
    write(tmp_path / "build", made=recipe_of(root=root))
    assert made == []
    os.utime(root / f"{plan[1].numbers[0]:03d}.png", ns=(1, 1))
    (root / f"{plan[3].numbers[0]:03d}.png").unlink()
    write(tmp_path / "build", made=recipe_of(root=root))
    again = [*plan[1].numbers, *plan[3].numbers]
    assert made == [f"{number:03d}" for number in again]


def test_the_fingerprint_names_all_that_matters():
    rows = rows_of(70)
    same = shards.fingerprint(recipe_of(), rows, SPLITS)
    assert same == shards.fingerprint(recipe_of(), rows_of(70), SPLITS)
    turned = dataclasses.replace(rows, label=1 - rows.label)
    assert same == shards.fingerprint(recipe_of(skip=True), rows, SPLITS)
    shifted = dataclasses.replace(rows, patient_id=rows.study_id, study_id=rows.view)
    other = [
        shards.fingerprint(recipe_of(), shifted, SPLITS),
        shards.fingerprint(recipe_of(bits=16), rows, SPLITS),
        shards.fingerprint(recipe_of(bad=3), rows, SPLITS),
        shards.fingerprint(recipe_of(), turned, SPLITS),
        shards.fingerprint(recipe_of(), rows, {"train": [1, 2], "valid": [3]}),
    ]
    assert len({same, *other}) == 6


def test_a_fault_of_ours_is_told_with_the_file():
    broken = dataclasses.replace(recipe_of(skip=True), read=lambda record: 1 / 0)
    with pytest.raises(ZeroDivisionError) as caught:
        make_examples(broken, rows_of(1))
    assert caught.value.__notes__ == ["while reading 000.png"]
