"""A phantom as a hospital would have it: rendered and written in a hospital's layout."""

import dataclasses
import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

import synthjax
from synthjax.core.clock import progress, say
from synthjax.core.errors import ConfigError
from synthjax.core.files import read_json, write_json
from synthjax.core.findings import BRAIN, CHEST
from synthjax.data.images.pixels import quantise
from synthjax.data.layouts.chexpert import write_chexpert
from synthjax.data.layouts.mimic_cxr_jpg import write_mimic_cxr_jpg
from synthjax.data.layouts.nih14 import write_nih14
from synthjax.data.layouts.rsna_ich import write_rsna
from synthjax.data.listing import Listing, Metadata
from synthjax.data.parallel import ordered_map, processes_for
from synthjax.data.schema import Record

_CHUNK = 32  # images that a worker renders at a time
Render = Callable[[Record], Any]


@dataclasses.dataclass(frozen=True)
class Layout:
    """How one hospital's set lies on the disk."""

    folder: str  # its name as it is downloaded
    labels: tuple[str, ...]  # that a source must have
    write: Callable[[Path, Iterator[tuple[Record, Any]]], int]
    hounsfield: bool = False  # holds CT numbers, not grey values


def _of_records(write: Callable[..., int]) -> Callable[..., int]:
    """A writer of records with pixels, as a writer of rows and what was rendered."""
    return lambda folder, pairs: write(
        folder, (dataclasses.replace(row, pixels=pixels) for row, pixels in pairs)
    )


LAYOUTS = {
    "chexpert": Layout("CheXpert-v1.0-small", CHEST, _of_records(write_chexpert)),
    "mimic_cxr_jpg": Layout(
        "mimic-cxr-jpg-2.0.0", CHEST, _of_records(write_mimic_cxr_jpg)
    ),
    "nih14": Layout("ChestX-ray14", CHEST, _of_records(write_nih14)),
    "rsna_ich": Layout(
        "rsna-intracranial-hemorrhage-detection", BRAIN, write_rsna, hounsfield=True
    ),
}


@dataclasses.dataclass(frozen=True)
class Grey:
    """A row's pixels as bytes."""

    read: Callable[[Record], Float32[np.ndarray, "s s 1"]]  # Listing.read

    def __call__(self, record: Record) -> UInt8[np.ndarray, "s s 1"]:
        """0 (black) to 255 (white)."""
        return quantise(self.read(record), 8)


def export_phantom(listing: Listing, layout: str, *, out: Path, workers: int) -> Path:
    """Writes a phantom in a hospital's layout; nothing is done if it is there already.

    Args:
        listing: of the phantom.
        layout: one of LAYOUTS.
        out: where the layout's own folder is made; an export of something else in it
            is replaced.
        workers: processes that render; 0 = all cores.

    Returns:
        That folder; it is there only when all is written.

    Raises:
        ConfigError: the source does not go into this layout.
    """
    chosen, render = _choose(listing, layout)
    folder, partial = out / chosen.folder, out / ".partial"
    note = out / f"{chosen.folder}.json"  # says what is in the folder
    identity = {"fingerprint": _fingerprint(listing, render)}
    if folder.is_dir() and note.exists() and read_json(note) == identity:
        return folder
    note.unlink(missing_ok=True)
    for old in (folder, partial):
        shutil.rmtree(old, ignore_errors=True)
    try:
        rendered = _render(listing.metadata, render, workers)
        count = chosen.write(partial / chosen.folder, rendered)
        (partial / chosen.folder).rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    write_json(note, identity)
    say(f"{count} images in the layout of {layout}: {folder}")
    return folder


def _choose(listing: Listing, name: str) -> tuple[Layout, Render]:
    """The layout and what gives the pixels of a row for it."""
    layout = LAYOUTS[name]
    hounsfield: Render | None = getattr(listing.read, "hounsfield", None)
    if listing.labels != layout.labels or layout.hounsfield != bool(hounsfield):
        raise ConfigError(
            f"config.data.export_as={name}: {listing.name} does not go into this "
            f"layout; it takes phantom_{'brain' if layout.hounsfield else 'chest'}"
        )
    return layout, hounsfield or Grey(listing.read)


def _fingerprint(listing: Listing, render: Render) -> str:
    """Names the phantom: its settings, its seed, how many images of whom."""
    rows = listing.metadata
    made = (synthjax.__version__, render, len(rows), listing.labels)
    hasher = hashlib.sha256(repr(made).encode())
    hasher.update(rows.label.tobytes())
    return hasher.hexdigest()[:16]


def _render(
    rows: Metadata, render: Render, workers: int
) -> Iterator[tuple[Record, Any]]:
    """Every row with what is rendered of it, in order."""
    starts = range(0, len(rows), _CHUNK)
    tasks = (
        (render, rows.take(range(start, min(start + _CHUNK, len(rows)))))
        for start in starts
    )
    count = processes_for(len(rows), workers)
    chunks = ordered_map(_render_chunk, tasks, count, processes=True)
    bar: progress = progress(total=len(rows), desc="export", unit="images")
    for start, chunk in zip(starts, chunks, strict=True):
        for number, made in enumerate(chunk, start):
            yield rows.record(number), made
        bar.update(len(chunk))
    bar.close()


def _render_chunk(task: tuple[Render, Metadata]) -> list[Any]:
    render, rows = task
    return [render(rows.record(number)) for number in range(len(rows))]
