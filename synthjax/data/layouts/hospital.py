"""A phantom as a hospital would have it: rendered and written in a hospital's layout."""

import dataclasses
import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

import synthjax
from synthjax.core.clock import progress, say
from synthjax.core.errors import ConfigError
from synthjax.core.files import read_json_if_whole, write_json
from synthjax.core.findings import BRAIN, CHEST
from synthjax.data.images.pixels import quantise
from synthjax.data.layouts.chexpert import write_chexpert
from synthjax.data.layouts.mimic_cxr_jpg import write_mimic_cxr_jpg
from synthjax.data.layouts.nih14 import write_nih14
from synthjax.data.layouts.rsna_ich import write_rsna
from synthjax.data.listing import Listing, Metadata, ReadPixels
from synthjax.data.parallel import ordered_map, processes_for
from synthjax.data.schema import Record

_CHUNK = 32  # images that a worker renders at a time
Render = Callable[[Record], np.ndarray]  # the values of one image, [h w] or [h w 1]
Rendered = Iterable[tuple[Record, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class Layout:
    """How one hospital's set lies on the disk."""

    folder: str  # its name as it is downloaded
    labels: tuple[str, ...]  # that a source must have
    write: Callable[[Path, Rendered], int]  # returns how many images it wrote
    hounsfield: bool = False  # holds Hounsfield units, not grey values


def _with_pixels(write: Callable[[Path, Iterable[Record]], int]) -> Callable:
    """Returns a writer of records with pixels as a writer of what was rendered."""

    def write_rendered(folder: Path, rendered: Rendered) -> int:
        pairs = (dataclasses.replace(r, pixels=pixels) for r, pixels in rendered)
        return write(folder, pairs)

    return write_rendered


LAYOUTS = {
    "chexpert": Layout("CheXpert-v1.0-small", CHEST, _with_pixels(write_chexpert)),
    "mimic_cxr_jpg": Layout(
        "mimic-cxr-jpg-2.0.0", CHEST, _with_pixels(write_mimic_cxr_jpg)
    ),
    "nih14": Layout("ChestX-ray14", CHEST, _with_pixels(write_nih14)),
    "rsna_ich": Layout(
        "rsna-intracranial-hemorrhage-detection", BRAIN, write_rsna, hounsfield=True
    ),
}


def layouts_of(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the names of the layouts that images with these labels go into."""
    return tuple(name for name, layout in LAYOUTS.items() if layout.labels == labels)


@dataclasses.dataclass(frozen=True)
class Grey:
    """Reads the pixels of an image as bytes."""

    read: ReadPixels  # Listing.read

    def __call__(self, record: Record) -> UInt8[np.ndarray, "s s 1"]:
        """Returns 0 (black) to 255 (white)."""
        return quantise(self.read(record), 8)


def export_phantom(listing: Listing, layout: str, *, out: Path, workers: int) -> Path:
    """Writes a phantom in a hospital's layout; nothing is done if it is there already.

    Args:
        listing: of the phantom.
        layout: a key of LAYOUTS.
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
    if folder.is_dir() and read_json_if_whole(note) == identity:
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
    """Returns the layout and what gives the values of an image for it."""
    layout = LAYOUTS[name]
    hounsfield: Render | None = getattr(listing.read, "hounsfield", None)
    if listing.labels != layout.labels or layout.hounsfield != bool(hounsfield):
        raise ConfigError(
            f"{listing.name} does not go into the layout of {name}; that takes "
            f"phantom_{'brain' if layout.hounsfield else 'chest'}"
        )
    return layout, hounsfield or Grey(listing.read)


def _fingerprint(listing: Listing, render: Render) -> str:
    """Identifies the phantom: its settings, its seed, how many images of whom."""
    metadata = listing.metadata
    made = (synthjax.__version__, render, len(metadata), listing.labels)
    hasher = hashlib.sha256(repr(made).encode())
    hasher.update(metadata.label.tobytes())
    return hasher.hexdigest()[:16]


def _render(
    metadata: Metadata, render: Render, workers: int
) -> Iterator[tuple[Record, np.ndarray]]:
    """Yields every image and what is rendered of it, in order."""
    total = len(metadata)
    starts = range(0, total, _CHUNK)
    tasks = (
        (render, metadata.take(range(start, min(start + _CHUNK, total))))
        for start in starts
    )
    chunks = ordered_map(
        _render_chunk, tasks, processes_for(total, workers), processes=True
    )
    bar: progress = progress(total=total, desc="export", unit="images")
    for start, chunk in zip(starts, chunks, strict=True):
        for index, values in enumerate(chunk, start):
            yield metadata.record(index), values
        bar.update(len(chunk))
    bar.close()


def _render_chunk(task: tuple[Render, Metadata]) -> list[np.ndarray]:
    render, metadata = task
    return [render(metadata.record(index)) for index in range(len(metadata))]
