"""Headers of all files: what they say of the images, and which files stand out."""

import dataclasses
import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from jaxtyping import Bool

from synthjax.core.files import open_regular
from synthjax.core.storage import in_bytes
from synthjax.data.doctor.batches import run_batches
from synthjax.data.doctor.diagnostics import NOTE, WARNING, Diagnostic
from synthjax.data.images.image_file import Header, check_header
from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.problems import BadImageError

_BATCH = 100  # headers that a worker reads at a time
_BLOCK = 4096  # bytes of a file that tell it from others
_RARE = 0.05  # of the files: more of a kind are no outliers
_ENOUGH = 20  # files: among fewer nothing stands out
_FARTHER = 1.9  # times larger or smaller than the usual side
_LONGER = 1.5  # times more elongated than usual

_Batch = tuple[Path, list[tuple[str, Header | None]], PixelsConfig]


@dataclasses.dataclass(frozen=True)
class Headers:
    """What the headers say; entry i is that of file i, 0 or "" if it cannot be read."""

    kind: np.ndarray  # [n] str: PNG, JPEG, TIFF, DICOM
    height: np.ndarray  # [n] int, pixels
    width: np.ndarray  # [n] int, pixels
    channels: np.ndarray  # [n] int: 1 grey, 3 RGB
    bits: np.ndarray  # [n] int, of a value
    photometric: np.ndarray  # [n] str, in DICOM's words
    burned_in: np.ndarray  # [n] bool: says that there is text in its pixels
    bytes: np.ndarray  # [n] int, of the file
    block: np.ndarray  # [n] digest of a part of the file: equal files have equal ones
    fault: np.ndarray  # [n] str: why the file cannot be used, "" if it can

    @property
    def good(self) -> Bool[np.ndarray, " n"]:
        """Tell which files can be used, as far as their headers show."""
        return self.fault == ""

    def facts(self, missing: int) -> Iterator[tuple[str, str]]:
        """Describe the files in words; `missing` more files are not there."""
        good = self.good
        kinds = listed(Counter(self.kind[good].tolist()))
        size = in_bytes(int(self.bytes.sum()))
        yield "files", f"{len(good):,} found, {missing:,} missing; {size}: {kinds}"
        sizes = zip(self.height[good].tolist(), self.width[good].tolist(), strict=True)
        yield "height x width", listed(Counter(f"{h} x {w}" for h, w in sizes))
        yield "channels", listed(count_channels(self.channels[good].tolist()))

    def odd_sizes(self) -> Bool[np.ndarray, " n"]:
        """Mark the few files that are much larger, smaller or longer than the others.

        Burned-in text and screenshots mostly show so: an exported window has its own
        size. Where many differ, the set is of mixed sizes and none is odd.
        """
        good = self.good
        if good.sum() < _ENOUGH:
            return np.zeros(len(good), bool)
        low = np.maximum(np.minimum(self.height, self.width), 1).astype(float)
        high = np.maximum(np.maximum(self.height, self.width), 1).astype(float)
        side, length = np.sqrt(low * high), high / low
        scale = side / np.median(side[good])
        odd = np.maximum(scale, 1 / scale) >= _FARTHER
        odd |= length / np.median(length[good]) >= _LONGER
        return _if_rare(odd & good, good)

    def odd_channels(self) -> Bool[np.ndarray, " n"]:
        """Mark the few colour files among grey ones."""
        return _if_rare((self.channels == 3) & self.good, self.good)

    def colour_is_rare(self) -> bool:
        """Tell whether there is colour, and little of it."""
        return bool(self.odd_channels().any())

    def duplicate_candidates(self) -> list[list[int]]:
        """Group files that may be duplicates, told by a part of their bytes."""
        groups: dict[bytes, list[int]] = {}
        for index in np.flatnonzero(self.good).tolist():
            groups.setdefault(self.block[index], []).append(index)
        return [group for group in groups.values() if len(group) > 1]

    def diagnostics(self, names: np.ndarray, resolution: int) -> Iterator[Diagnostic]:
        """Find what stands out in the headers.

        Args:
            names: of the images.
            resolution: of the set that a build would make.
        """
        odd = np.flatnonzero(self.odd_sizes())
        if len(odd):
            usual = Counter(
                zip(self.height.tolist(), self.width.tolist(), strict=True)
            ).most_common(1)[0][0]
            yield Diagnostic(
                WARNING,
                "unusual size",
                tuple(
                    f"{names[i]}: {self.height[i]} x {self.width[i]} pixels, others "
                    f"{usual[0]} x {usual[1]}"
                    for i in odd.tolist()
                ),
                "Look at them: screenshots and exports with burned-in text have such "
                "sizes. Export them again as the others, or remove their rows.",
            )
        yield from self._mixed(names)
        text = np.flatnonzero(self.burned_in.astype(bool) & self.good).tolist()
        if text:
            yield Diagnostic(
                WARNING,
                "burned-in annotation",
                tuple(f"{names[i]}: its BurnedInAnnotation is YES" for i in text),
                "There may be names and dates in its pixels, which go into the set: "
                "look at it, and leave it out or blacken them.",
            )
        small = self.good & (np.maximum(self.height, self.width) < resolution)
        if small.any():
            yield Diagnostic(
                NOTE,
                "smaller than the set",
                tuple(
                    f"{names[i]}: {self.height[i]} x {self.width[i]} pixels"
                    for i in np.flatnonzero(small).tolist()
                ),
                f"They are enlarged; config.data.resolution={resolution} could be less.",
            )

    def _mixed(self, names: np.ndarray) -> Iterator[Diagnostic]:
        """Find files that were not all exported in one way."""
        depths = np.maximum(self.bits, 8)  # savers of space use 1, 2 or 4 of them
        yield from _if_several(
            "mixed bit depths",
            names[self.good],
            [f"{bits} bits" for bits in depths[self.good].tolist()],
            "What is shown white may differ between them: see that they look alike, or "
            "export them all with one depth.",
        )
        grey = self.good & (self.channels == 1)
        yield from _if_several(
            "mixed photometric interpretations",
            names[grey],
            self.photometric[grey].tolist(),
            "In MONOCHROME1 0 is white: see that bone is bright in all of them. If it "
            "is not, the header of some is wrong.",
        )


def _if_several(
    kind: str, names: np.ndarray, ways: Sequence[str], remedy: str
) -> Iterator[Diagnostic]:
    """Report images that come in several ways, the rarest first."""
    counts = Counter(ways)
    if len(counts) > 1:
        places = tuple(
            f"{names[ways.index(way)]}: {way}, as {count:,} of {len(ways):,}"
            for way, count in reversed(counts.most_common())
        )
        yield Diagnostic(WARNING, kind, places, remedy)


def _if_rare(
    odd: Bool[np.ndarray, " n"], good: Bool[np.ndarray, " n"]
) -> Bool[np.ndarray, " n"]:
    """Return the odd ones, or none of them if they are many or the files are few."""
    count = good.sum()
    rare = count >= _ENOUGH and odd.sum() <= _RARE * count
    return odd if rare else np.zeros_like(odd)


def count_channels(channels: Sequence[int]) -> Counter[str]:
    """Count images by what their channels are called."""
    names = {1: "grey", 3: "RGB"}
    return Counter(names[count] for count in channels)


def listed(counts: Counter[str], limit: int = 6) -> str:
    """Write "PNG (190), JPEG (10)", the most frequent first."""
    shown = [f"{name} ({count:,})" for name, count in counts.most_common(limit)]
    more = len(counts) - len(shown)
    return ", ".join(shown + [f"{more:,} others"] * bool(more)) or "none"


def read_headers(
    root: Path,
    files: Sequence[str],
    pixels: PixelsConfig,
    workers: int,
    index: Path | None = None,
    batch_size: int = _BATCH,
) -> Headers:
    """Read the headers of files below a folder; no pixel is decoded.

    Args:
        root: the folder.
        files: relative to it.
        pixels: how a build would read them, which decides what it refuses.
        workers: processes (0 = all cores).
        index: of headers that the source has just made (`header_index`); those that it
            has are not read again.
        batch_size: headers that a worker reads at a time.
    """
    known = _read_index(index) if index else {}  # doubtful ones are read again
    starts = range(0, len(files), batch_size)
    parts = (files[start : start + batch_size] for start in starts)
    rows = run_batches(
        _read_batch,
        ((root, [(file, known.get(file)) for file in part], pixels) for part in parts),
        total=len(files),
        desc="headers",
        unit="files",
        workers=workers,
    )
    names = [field.name for field in dataclasses.fields(Headers)]
    texts = ("kind", "photometric", "block", "fault")
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return Headers(
        **{
            name: np.array(column, object if name in texts else np.int64)
            for name, column in zip(names, columns, strict=True)
        }
    )


def _read_index(index: Path) -> dict[str, Header]:
    """Read an index: DICOM file -> its header, of those that can be used."""
    columns = ["file", "rows", "columns", "bits_stored", "photometric", "burned_in"]
    table = pq.read_table(index, columns=[*columns, "doubtful"], partitioning=None)
    rows = table.filter(pc.invert(table["doubtful"])).select(columns).to_pydict()
    return {
        file: Header(
            "DICOM",
            height,
            width,
            1 if photometric.startswith("MONOCHROME") else 3,
            bits,
            photometric,
            burned_in,
        )
        for file, height, width, bits, photometric, burned_in in zip(
            *rows.values(), strict=True
        )
    }


def _read_batch(batch: _Batch) -> list[tuple]:
    """Read the headers of some files, in a process of its own perhaps."""
    root, files, pixels = batch
    return [_read(root, file, header, pixels) for file, header in files]


def _read(root: Path, file: str, header: Header | None, pixels: PixelsConfig) -> tuple:
    """Return the entries of one file, in the order of the fields of `Headers`."""
    path = root / file
    size, block, fault = 0, b"", ""
    try:
        size, block = _read_block(path)
        header = header or check_header(path, pixels)
    except BadImageError as error:
        fault = error.what
    except OSError as error:
        fault = f"cannot be opened ({error.strerror}); check its permissions."
    return *(header or Header("", 0, 0, 0, 0, "")), size, block, fault


def _read_block(path: Path) -> tuple[int, bytes]:
    """Return the size of a file and the digest of a block near its middle.

    The block is placed by its distance from the end, so that copies with another
    header, such as that of another patient, have the same one.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        back = 1 << max(size // 2, 1).bit_length() - 1  # size/4 to size/2
        file.seek(max(size - back, 0))
        block = file.read(min(back, _BLOCK))
    return size, hashlib.blake2b(block, digest_size=16).digest()
