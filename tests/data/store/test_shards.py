"""Shards: the same files whatever the workers, nothing done twice, nothing lost."""

import dataclasses
import hashlib
import io
import os

import numpy as np
import pytest

from synthjax.core.errors import StudyError
from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.listing import make_metadata
from synthjax.data.problems import BadImageError, Problems
from synthjax.data.schema import Record, Schema, encode_png
from synthjax.data.store import shards
from synthjax.data.store.codec import decode_example, encode_example, features
from synthjax.data.store.example_builder import PHASES, ExampleBuilder
from synthjax.data.store.plan import FILES, Shard, chunks, fingerprint, plan_shards

SCHEMA = Schema("waves", ("high",), 16, 1)
SPLITS = {"train": list(range(60)), "valid": list(range(60, 70))}


@dataclasses.dataclass(frozen=True)
class Waves:
    """Renders a wave per image; every `bad`-th image has a broken file."""

    bad: int = 0

    def __call__(self, record):
        number = int(record.id)
        if self.bad and number % self.bad == 1:
            raise BadImageError(record.origin, "is broken; replace it")
        wave = np.sin(np.arange(400) * (0.02 + number / 100)) / 2 + 0.5
        return wave.reshape(20, 20, 1).astype(np.float32)


def metadata_of(count):
    ids = [f"{number:03d}" for number in range(count)]
    return make_metadata(
        id=ids,
        label=[[number % 2] for number in range(count)],
        patient_id=[f"p{number // 2}" for number in range(count)],
        origin=[f"{name}.png" for name in ids],
    )


def builder_of(*, skip=False, bad=0, bits=8, root=None):
    schema = dataclasses.replace(SCHEMA, bits=bits)
    return ExampleBuilder(Waves(bad), schema, PixelsConfig(bits=bits), root, skip)


def write(directory, *, builder=None, limit=0.0, workers=1, **sizes):
    (directory / FILES).mkdir(parents=True, exist_ok=True)
    metadata, builder = metadata_of(70), builder or builder_of()
    plan = plan_shards(metadata, SPLITS, image_bytes=1000, shard_mb=0.015)
    problems = Problems("skip" if builder.skip else "error", limit)
    return plan, shards.write_shards(
        directory, builder, metadata, plan, problems=problems, workers=workers, **sizes
    )


def digests(directory):
    files = sorted((directory / FILES).glob("*-of-?????"))
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
    del fields["pixels"], fields["name"]  # the name is never stored
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
    builder = builder_of()
    schema = dataclasses.replace(SCHEMA, resolution=resolution)
    shard = Shard("train", 0, 1, np.arange(100))
    parts = chunks(dataclasses.replace(builder, schema=schema), shard)
    assert len(parts[0]) == size
    np.testing.assert_array_equal(np.concatenate(parts), shard.images)


def test_shards_are_about_as_large_as_planned():
    metadata = metadata_of(70)
    plan = plan_shards(metadata, SPLITS, image_bytes=1000, shard_mb=0.02)
    assert [(s.split, len(s.images)) for s in plan] == [
        *[("train", 20)] * 3,
        ("valid", 10),
    ]
    assert plan[1].name == "image_set-train.array_record-00001-of-00003"
    huge = plan_shards(metadata, SPLITS, image_bytes=1e12, shard_mb=200)
    assert len(huge) == 70


@pytest.mark.slow
def test_same_files_whatever_the_workers(tmp_path):
    sizes = {"chunk": 4, "inline": 0}
    _, alone = write(tmp_path / "alone", **sizes)
    _, shared = write(tmp_path / "shared", workers=2, **sizes)
    assert digests(tmp_path / "alone") == digests(tmp_path / "shared")
    assert [manifest.images for manifest in alone] == [
        manifest.images for manifest in shared
    ]
    assert set(alone[0].seconds) == set(PHASES)


def count_built(monkeypatch):
    """The ids of the images that are built from now on."""
    built, build_chunk = [], ExampleBuilder.build

    def counted(builder, metadata):
        built.extend(metadata.id.tolist())
        return build_chunk(builder, metadata)

    monkeypatch.setattr(ExampleBuilder, "build", counted)
    return built


def test_finished_shards_are_not_done_again(tmp_path, monkeypatch):
    plan, first = write(tmp_path)
    before = digests(tmp_path)
    assert len(plan) > 3
    gone = plan[1].name
    files, manifests = tmp_path / FILES, tmp_path / shards.MANIFESTS
    (manifests / f"{gone}.json").unlink()
    (files / f"{gone}.0.partial").write_bytes(b"half")
    (files / plan[2].name).unlink()
    built = count_built(monkeypatch)
    _, second = write(tmp_path)
    assert digests(tmp_path) == before
    again = [*plan[1].images, *plan[2].images]
    assert built == [f"{number:03d}" for number in again]
    assert [manifest.images for manifest in first] == [
        manifest.images for manifest in second
    ]


def test_bad_files_stop_or_are_counted(tmp_path):
    with pytest.raises(BadImageError, match=r"001\.png is broken"):
        write(tmp_path, builder=builder_of(bad=30))
    builder = builder_of(bad=30, skip=True)
    with pytest.raises(StudyError, match=r"allows 1 of 70[^$]*031\.png"):
        write(tmp_path / "few", builder=builder, limit=0.02)
    _, written = write(tmp_path / "skipped", builder=builder, limit=0.05)
    skipped = [number for manifest in written for number in manifest.skipped]
    assert skipped == [1, 31, 61]
    assert sum(manifest.images for manifest in written) == 67
    problems = [problem for manifest in written for problem in manifest.problems]
    assert [problem.where for problem in problems] == ["001.png", "031.png", "061.png"]
    _, again = write(tmp_path / "skipped", builder=builder, limit=0.05)
    assert [dataclasses.replace(manifest, seconds={}) for manifest in written] == again
    with pytest.raises(StudyError, match=r"3 problem\(s\).*on_bad_file=skip"):
        write(tmp_path / "skipped", builder=builder_of(bad=30))


def test_a_shard_whose_files_changed_is_done_again(tmp_path, monkeypatch):
    root = tmp_path / "files"
    root.mkdir()
    for origin in metadata_of(70).origin:
        (root / origin).write_text("one")
    plan, _ = write(tmp_path / "build", builder=builder_of(root=root))
    built = count_built(monkeypatch)
    write(tmp_path / "build", builder=builder_of(root=root))
    assert built == []
    os.utime(root / f"{plan[1].images[0]:03d}.png", ns=(1, 1))
    (root / f"{plan[3].images[0]:03d}.png").unlink()
    write(tmp_path / "build", builder=builder_of(root=root))
    again = [*plan[1].images, *plan[3].images]
    assert built == [f"{number:03d}" for number in again]


def test_the_fingerprint_names_all_that_matters():
    metadata = metadata_of(70)
    same = fingerprint(builder_of(), metadata, SPLITS)
    assert same == fingerprint(builder_of(), metadata_of(70), SPLITS)
    turned = dataclasses.replace(metadata, label=1 - metadata.label)
    assert same == fingerprint(builder_of(skip=True), metadata, SPLITS)
    shifted = dataclasses.replace(
        metadata, patient_id=metadata.study_id, study_id=metadata.view
    )
    other = [
        fingerprint(builder_of(), shifted, SPLITS),
        fingerprint(builder_of(bits=16), metadata, SPLITS),
        fingerprint(builder_of(bad=3), metadata, SPLITS),
        fingerprint(builder_of(), turned, SPLITS),
        fingerprint(builder_of(), metadata, {"train": [1, 2], "valid": [3]}),
    ]
    assert len({same, *other}) == 6


def test_a_fault_of_ours_is_told_with_the_file():
    broken = dataclasses.replace(builder_of(skip=True), read=lambda record: 1 / 0)
    with pytest.raises(ZeroDivisionError) as caught:
        broken.build(metadata_of(1))
    assert caught.value.__notes__ == ["while reading 000.png"]
