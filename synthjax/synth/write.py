"""Writes the synthetic twin of a real set: same schema, same reader, same codec."""

import hashlib
import io
import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt

from synthjax.core.clock import progress, say
from synthjax.core.devices import Devices
from synthjax.core.errors import StudyError
from synthjax.core.files import (
    DamagedError,
    read_arrays,
    read_json_if_whole,
    write_atomic,
    write_json,
)
from synthjax.data.dataset import Dataset
from synthjax.data.schema import Record, Schema
from synthjax.data.store.write import write_set
from synthjax.gan.generator import Generator, load_generator
from synthjax.synth import labels
from synthjax.synth.config import SynthConfig
from synthjax.synth.provenance import PROVENANCE, make_provenance, parameter_digest
from synthjax.synth.sample import Sampler

Requested = dict[str, Float[np.ndarray, "n y"]]  # split -> label vectors

CHUNKS = "chunks"  # images drawn so far, gone when the set is written


def write_twin(
    config: SynthConfig,
    *,
    seed: int,
    data: Path,
    gan: Path,
    out: Path,
    devices: Devices,
) -> None:
    """Draws the synthetic twin of the real set in `data` with the newest generator.

    Images are drawn in chunks that are kept until the set is written, so a run that is
    killed goes on where it stopped and ends with the same bytes. With several
    processes all draw and process 0 writes; they share the file system.

    Raises:
      StudyError: no checkpoint, or one that does not fit the data.
    """
    dataset = Dataset.open(data)
    generator = load_generator(gan, config.step)
    _check_fit(dataset.schema, generator, gan)
    seed = seed + config.seed
    requested = {
        split: labels.requested(
            dataset.table(split, images=False).label,
            count=config.count,
            source=config.label_source,
            seed=seed,
            split=split,
            copies=config.copies_per_row if split == "train" else 1,
            secret=labels.secret_of(dataset[split]),
        )
        for split in config.splits
    }
    digest = parameter_digest(generator.params)
    fingerprint = _fingerprint(config, seed, digest, requested)
    if not _is_written(out, fingerprint):
        folder = out / CHUNKS / fingerprint
        sampler = Sampler(
            generator,
            seed=seed,
            bits=dataset.schema.bits,
            devices=devices,
            batch_size=config.batch_size,
        )
        _draw(sampler, requested, config, folder)
        if devices.is_main:
            provenance = make_provenance(
                config, seed, gan, generator, digest, requested
            )
            records = {
                split: _records(folder, split, label)
                for split, label in requested.items()
            }
            write_set(out, dataset.schema, records, provenance)
            # Last, because it says that the set beside it is whole.
            write_json(out / PROVENANCE, provenance | {"fingerprint": fingerprint})
    if devices.is_main:
        shutil.rmtree(out / CHUNKS, ignore_errors=True)


def _is_written(out: Path, fingerprint: str) -> bool:
    """Whether the set that is there is the one to be written, and whole."""
    saved = read_json_if_whole(out / PROVENANCE, keys=("fingerprint",))
    return saved is not None and saved["fingerprint"] == fingerprint


def _check_fit(schema: Schema, generator: Generator, gan: Path) -> None:
    for name in ("labels", "resolution", "channels"):
        real, trained = getattr(schema, name), getattr(generator, name)
        if real != trained:
            raise StudyError(
                f"{gan}: the generator was trained with {name} {trained}, but the real "
                f"set has {name} {real}; train the GAN again on this data"
            )


def _fingerprint(
    config: SynthConfig, seed: int, digest: str, requested: Requested
) -> str:
    """Digests all that the images depend on, so that no stale chunk is used."""
    hasher = hashlib.sha256(f"{config} {seed} {digest}".encode())
    for split, label in requested.items():
        hasher.update(f"{split} {label.shape}".encode())
        hasher.update(label.tobytes())
    return hasher.hexdigest()[:16]


def _chunks(n: int, size: int) -> Iterator[tuple[int, int]]:
    for start in range(0, n, size):
        yield start, min(n, start + size)


def _chunk_path(folder: Path, split: str, start: int) -> Path:
    return folder / f"{split}-{start:09d}.npz"


def _draw(
    sampler: Sampler, requested: Requested, config: SynthConfig, folder: Path
) -> None:
    """Draws the chunks that are not there yet."""
    # Listed once, before any is written, so that all processes skip the same chunks.
    drawn = {path for path in folder.glob("*.npz") if _is_whole(path)}
    todo, done = [], 0
    for split, label in requested.items():
        for start, stop in _chunks(len(label), config.chunk):
            if _chunk_path(folder, split, start) in drawn:
                done += stop - start
            else:
                todo.append((split, start, stop))
    if not todo:
        return
    if done:
        say(f"synth: {done} images are there already, going on")
    split, start, _ = todo[0]
    rows = np.full(sampler.global_batch, start)
    label = requested[split][rows]
    say("synth: compiling the sampling step")
    sampler.step.compile_ahead(
        *sampler.arguments(rows, label, split=split, psi=config.psi)
    )
    total = sum(map(len, requested.values())) - done
    bar: progress = progress(total=total, desc="synth", unit="image")
    for split, start, stop in todo:
        index = np.arange(start, stop)
        pixels = sampler(
            index,
            requested[split][index],
            split=split,
            psi=config.psi,
            update=bar.update,
        )
        if sampler.devices.is_main:
            content = io.BytesIO()
            np.savez(content, pixels=pixels)
            write_atomic(_chunk_path(folder, split, start), content.getvalue())
    bar.close()


def _is_whole(path: Path) -> bool:
    try:
        _read_chunk(path)
    except DamagedError as error:
        say(str(error))
        return False
    return True


def _read_chunk(path: Path) -> UInt[np.ndarray, "n h w c"]:
    return read_arrays(
        path, lambda arrays: arrays["pixels"], remedy="its images are drawn again"
    )


def _records(
    folder: Path, split: str, label: Float[np.ndarray, "n y"]
) -> Iterator[Record]:
    """Yields the synthetic records of a split, one chunk of images in memory at a time."""
    digits = max(6, math.ceil(math.log10(len(label) + 1)))
    for path in sorted(folder.glob(f"{split}-*.npz")):
        start = int(path.stem.rsplit("-", 1)[1])
        for i, pixels in enumerate(_read_chunk(path), start):
            name = f"synthetic-{split}-{i:0{digits}d}"
            yield Record(
                id=name,
                pixels=pixels,
                label=label[i],
                patient_id=name,
                study_id=name,
                age=math.nan,
                sex="",
                view="",
                origin="synthetic",
            )
