"""How the images of a set are divided into shards of about the same size."""

import dataclasses
import hashlib
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int

import synthjax
from synthjax.core.files import read_json_if_whole, write_json
from synthjax.data.listing import Metadata
from synthjax.data.store.example_builder import ExampleBuilder

SET_NAME = "image_set"  # TFDS's name of every set, and the head of its file names
SHARD_MB = 200.0  # of one array_record file, about, where nothing else is set
FILES = "set"  # folder of a build: its finished shards
CHUNK = 32  # images that a worker builds at a time, at most
_CHUNK_BYTES = 8_000_000  # of their pixels, at most
_SAMPLE = 16  # images by which the size of the others is estimated
_FORMAT = 3  # of plan and manifests; another begins every build anew


@dataclasses.dataclass(frozen=True)
class Shard:
    """One file of a split and the images that it holds, by ascending id."""

    split: str
    index: int
    count: int  # shards of the split
    images: Int[np.ndarray, " k"]  # indices into the metadata

    @property
    def name(self) -> str:
        """Returns the file's name, as TFDS expects it."""
        return shard_name(self.split, self.index, self.count)


def shard_name(split: str, index: int, count: int) -> str:
    """Returns the name of file `index` of `count` of a split."""
    return f"{SET_NAME}-{split}.array_record-{index:05d}-of-{count:05d}"


def plan_shards(
    metadata: Metadata,
    splits: Mapping[str, Sequence[int]],
    *,
    image_bytes: float,
    shard_mb: float,
) -> list[Shard]:
    """Divides the splits of a set into shards.

    Images are in the order of their ids, so a position in a split means the same image
    in every set made of the same images, and the files depend on the images alone.

    Args:
        splits: split -> indices of its images.
        image_bytes: of an image in the files, on average.
        shard_mb: of a shard, about, in millions of bytes.
    """
    shards = []
    for split, indices in splits.items():
        order = sorted(indices, key=lambda index: metadata.id[index])
        count = max(
            1, min(round(len(order) * image_bytes / (shard_mb * 1e6)), len(order))
        )
        parts = np.array_split(np.array(order, np.int64), count)
        shards += [Shard(split, i, count, part) for i, part in enumerate(parts)]
    return shards


def estimate_bytes(
    builder: ExampleBuilder, metadata: Metadata, indices: Int[np.ndarray, " k"]
) -> float:
    """Returns the mean size of an encoded image, of a few evenly spaced ones."""
    places = np.unique(np.linspace(0, len(indices) - 1, _SAMPLE).astype(int))
    sample = metadata.take(indices[places])
    result = dataclasses.replace(builder, skip=True).build(sample)
    sizes = [len(example) for example in result.examples if example is not None]
    return float(np.mean(sizes)) if sizes else 1.0


def fingerprint(
    builder: ExampleBuilder, metadata: Metadata, splits: Mapping[str, Sequence[int]]
) -> str:
    """Identifies what shards depend on, except the files (`ShardManifest.file_stats`).

    Whether faulty files are skipped does not count: a manifest says what was skipped.
    """
    read = getattr(builder.read, "__qualname__", None) or repr(builder.read)
    settings = (read, builder.schema, builder.pixels, sorted(splits))
    hasher = hashlib.sha256(repr((_FORMAT, synthjax.__version__, *settings)).encode())
    for field in dataclasses.fields(Metadata):
        column = getattr(metadata, field.name)
        text = column.dtype == object
        data = "\0".join(column.tolist()).encode() if text else column.tobytes()
        hasher.update(f"{field.name} {len(data)} ".encode() + data)
    for split in sorted(splits):
        hasher.update(np.array(sorted(splits[split]), np.int64).tobytes())
    return hasher.hexdigest()[:16]


def plan_build(
    folder: Path,
    builder: ExampleBuilder,
    metadata: Metadata,
    splits: Mapping[str, Sequence[int]],
    shard_mb: float,
) -> list[Shard]:
    """Plans the shards of a build; those of a killed one stay if the plan is the same.

    Args:
        folder: of the build.
        builder: of the images.
        metadata: of all images.
        splits: split -> indices of its images.
        shard_mb: of a shard, about, in millions of bytes.
    """
    identity = f"{fingerprint(builder, metadata, splits)} {shard_mb}"
    path = folder / "plan.json"
    plan = read_json_if_whole(path, keys=("fingerprint", "image_bytes"))
    if plan is None or plan["fingerprint"] != identity:
        shutil.rmtree(folder, ignore_errors=True)
        (folder / FILES).mkdir(parents=True)
        indices = np.concatenate([np.asarray(part) for part in splits.values()])
        size = estimate_bytes(builder, metadata, indices)
        plan = {"fingerprint": identity, "image_bytes": size}
        write_json(path, plan)
    return plan_shards(
        metadata, splits, image_bytes=plan["image_bytes"], shard_mb=shard_mb
    )


def chunks(
    builder: ExampleBuilder, shard: Shard, chunk: int = CHUNK
) -> list[Int[np.ndarray, " c"]]:
    """Returns a shard's images in the parts that workers build at a time.

    Args:
        chunk: images of a part, at most; large images come in smaller parts.
    """
    pixels = math.prod(builder.schema.image_shape) * builder.schema.bits // 8
    size = max(1, min(chunk, _CHUNK_BYTES // pixels))
    starts = range(0, len(shard.images), size)
    return [shard.images[start : start + size] for start in starts]
