"""A folder of PNG or JPEG images with a labels.csv: how anybody's data comes in.

labels.csv has one row per image: the file (relative to the folder), optionally the
patient, study, age, sex and view, and one column per label with 0, 1 or blank
(unknown). The whole table is checked before the first image is read.
"""

import csv
import dataclasses
import hashlib
import io
import math
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.parallel import ordered_map
from synthjax.data.schema import Record
from synthjax.data.transforms import convert_channels, pad_to_square, resize

_PROBLEMS_SHOWN = 10
_LABEL_VALUES = {"0": 0.0, "0.0": 0.0, "1": 1.0, "1.0": 1.0, "": math.nan}
_SEXES = {"f": "F", "female": "F", "m": "M", "male": "M"}
_SEXES |= dict.fromkeys(("", "o", "other", "u", "unknown"), "")


@dataclasses.dataclass(frozen=True)
class FolderConfig:
    """Where the images are and what the columns of labels.csv mean."""

    path: str = ""  # the folder; relative to where the command is run
    labels_csv: str = "labels.csv"  # the table, relative to the folder
    file_column: str = "file"  # image file, relative to the folder
    patient_column: str = ""  # patient id; empty: each image is its own patient
    study_column: str = ""  # id of the examination; empty: unknown
    age_column: str = ""  # years; empty: unknown
    sex_column: str = ""  # F, M or blank; empty: unknown
    view_column: str = ""  # PA, AP, ...; empty: unknown
    label_columns: tuple[str, ...] = ()  # empty: all columns not named above
    aspect: str = "pad"  # pad: black margins to a square; squash: stretch to a square
    white: int = 0  # value shown white in 16-bit images (4095, 65535); 0 refuses them

    def __post_init__(self) -> None:
        if self.aspect not in ("pad", "squash"):
            raise ConfigError(f"aspect={self.aspect!r}: must be pad or squash")
        if not 0 <= self.white <= 65535:
            raise ConfigError(f"white={self.white}: must be 0 or up to 65535")

    @property
    def side_columns(self) -> dict[str, str]:
        """Attribute -> its column, for the columns that are no labels."""
        columns = {
            "file": self.file_column,
            "patient_id": self.patient_column,
            "study_id": self.study_column,
            "age": self.age_column,
            "sex": self.sex_column,
            "view": self.view_column,
        }
        return {attribute: column for attribute, column in columns.items() if column}


@dataclasses.dataclass(frozen=True)
class Entry:
    """One checked row of labels.csv."""

    line: int  # in labels.csv, for messages
    path: Path  # the image
    record: Record  # without pixels


@dataclasses.dataclass(frozen=True)
class Listing:
    """labels.csv, checked."""

    labels: tuple[str, ...]
    entries: tuple[Entry, ...]


def read_listing(config: FolderConfig) -> Listing:
    """Read and check labels.csv; no image is opened.

    Raises:
        StudyError: with up to ten problems and their rows: a missing folder, table,
            column or file, a path that leaves the folder, a duplicate row, a label
            that is not 0, 1 or blank, no rows.
    """
    if not config.path:
        raise StudyError(
            "no folder is given; set --config.data.folder.path=/path/to/images"
        )
    root = Path(config.path).expanduser()
    table = root / config.labels_csv
    if not table.is_file():
        raise StudyError(
            f"{table} does not exist; write it with one row per image, or set "
            "config.data.folder.path and labels_csv."
        )
    try:
        with open(table, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restkey="", restval="\0")
            header = list(reader.fieldnames or ())
            labels = _label_columns(config, header, table)
            rows = [(reader.line_num, row) for row in reader]
    except UnicodeDecodeError as error:
        raise StudyError(f"{table} is not UTF-8 ({error}); save it as UTF-8.") from None
    if not rows:
        raise StudyError(f"{table} has a header but no rows; add one row per image.")
    entries: list[Entry] = []
    problems: list[str] = []
    lines: dict[Path, int] = {}
    for line, row in rows:
        entry = _entry(config, root, labels, line, row)
        if isinstance(entry, str):
            problems.append(f"row {line}: {entry}")
        elif entry.path in lines:
            first = lines[entry.path]
            problems.append(
                f"row {line}: {entry.record.id!r} comes twice, first in row {first}; "
                "keep one row per image"
            )
        else:
            lines[entry.path] = line
            entries.append(entry)
    if problems:
        shown = "\n  ".join(problems[:_PROBLEMS_SHOWN])
        more = len(problems) - _PROBLEMS_SHOWN
        tail = f"\n  and {more} more" if more > 0 else ""
        raise StudyError(
            f"{table} has {len(problems)} problem(s); correct them:\n  {shown}{tail}"
        )
    return Listing(labels, tuple(entries))


def _label_columns(
    config: FolderConfig, header: list[str], table: Path
) -> tuple[str, ...]:
    """The label columns; raises if a column is missing, doubled, or none is left."""
    if len(set(header)) < len(header):
        doubled = sorted({name for name in header if header.count(name) > 1})
        raise StudyError(f"{table}: the column(s) {doubled} come twice; rename one.")
    sides = config.side_columns.values()
    for column in (*sides, *config.label_columns):
        if column not in header:
            raise StudyError(
                f"{table} has no column {column!r}; it has {header}. Set the column "
                "names in config.data.folder."
            )
    labels = config.label_columns or tuple(c for c in header if c not in sides)
    if not labels:
        raise StudyError(f"{table} has no label column beside {list(sides)}; add one.")
    return labels


def _entry(
    config: FolderConfig,
    root: Path,
    labels: tuple[str, ...],
    line: int,
    row: dict[str, str],
) -> Entry | str:
    """A row as an entry, or what is wrong with it."""
    if "" in row or "\0" in row.values():
        return "it has not as many columns as the header; correct commas and quotes"
    cells = {column: value.strip() for column, value in row.items()}
    side = {name: cells[column] for name, column in config.side_columns.items()}
    file = side.pop("file")
    path = _inside(root, file)
    if path is None:
        return (
            f"the file {file!r} leaves the folder {root}; "
            "give a path inside it, relative to it"
        )
    if not path.is_file():
        return f"the file {file!r} does not exist in {root}; correct the name or add it"
    for name in labels:
        if cells[name] not in _LABEL_VALUES:
            return (
                f"label {name!r} of {file!r} is {cells[name]!r}; "
                "it must be 0, 1 or blank (unknown)"
            )
    if config.patient_column and not side["patient_id"]:
        return f"{file!r} has no patient in the column {config.patient_column!r}"
    try:
        age = float(side.get("age") or "nan")
    except ValueError:
        return f"the age {side['age']!r} of {file!r} is no number; use years or blank"
    sex = side.get("sex", "").lower()
    if sex not in _SEXES:
        return f"the sex {side['sex']!r} of {file!r} is not F, M or blank"
    identity = str(PurePosixPath(file))
    record = Record(
        id=identity,
        image_u8=np.zeros((0, 0, 0), np.uint8),
        label=np.array([_LABEL_VALUES[cells[name]] for name in labels], np.float32),
        patient_id=side.get("patient_id", identity),
        study_id=side.get("study_id", ""),
        age=age,
        sex=_SEXES[sex],
        view=side.get("view", ""),
        origin=identity,
    )
    return Entry(line, path, record)


def _inside(root: Path, file: str) -> Path | None:
    """The file's path with links followed, or None if that is not inside the folder."""
    if not file or PurePosixPath(file).is_absolute() or "\0" in file:
        return None
    path = (root / file).resolve()
    return path if path.is_relative_to(root.resolve()) else None


def digest(config: FolderConfig) -> str | None:
    """Identifies the table by its bytes and the images by their names and sizes.

    None if the table or an image is away, so that nothing can be said of a change.
    """
    root = Path(config.path).expanduser()
    try:
        content = (root / config.labels_csv).read_bytes()
        hasher = hashlib.sha256(content)
        text = io.StringIO(content.decode("utf-8-sig"), newline="")
        for row in csv.DictReader(text):
            file = row.get(config.file_column) or ""
            hasher.update(f"{file} {(root / file).stat().st_size}\n".encode())
    except (OSError, ValueError, csv.Error):  # away, no text, no file name, no table
        return None
    return hasher.hexdigest()[:16]


def records(
    config: FolderConfig,
    listing: Listing,
    *,
    resolution: int,
    channels: int,
    workers: int,
) -> Iterator[Record]:
    """The images of the listing, in its order, read in parallel.

    Args:
        resolution: height and width of the result, pixels.
        channels: 1 grey or 3 RGB; the images are converted.
        workers: threads (0 = all cores).

    Raises:
        StudyError: an image cannot be read; the message has its row and file.
    """

    def load(entry: Entry) -> Record:
        try:
            pixels = read_pixels(entry.path, white=config.white)
        except (OSError, SyntaxError, ValueError, StudyError) as error:
            raise StudyError(
                f"row {entry.line} of {config.labels_csv}: {entry.path} cannot be "
                f"read: {error}. Replace the image or remove its row."
            ) from error
        pixels = convert_channels(pixels, channels)
        if config.aspect == "pad":
            pixels = pad_to_square(pixels)
        image_u8 = resize(pixels, resolution, resolution)
        return dataclasses.replace(entry.record, image_u8=image_u8)

    return ordered_map(load, listing.entries, workers)


def read_pixels(path: Path, *, white: int = 0) -> UInt8[np.ndarray, "h w c"]:
    """A PNG or JPEG file as bytes, grey or RGB, turned upright, alpha dropped.

    Args:
        white: the value of 16-bit images that becomes 255; 0 refuses such images,
            for their window (12 bits? all 16?) cannot be guessed.

    Raises:
        OSError: no image, or a truncated one.
        StudyError: a 16-bit image, and `white` is 0.
    """
    with Image.open(path, formats=("PNG", "JPEG")) as opened:
        image = ImageOps.exif_transpose(opened)
        if image.mode.startswith(("I", "F")):
            if not white:
                raise StudyError(
                    "it has 16 bits per pixel; set config.data.folder.white to the "
                    "value to be shown white, such as 4095 or 65535"
                )
            scaled = np.asarray(image, np.float32) * (255.0 / white)
            return np.rint(np.clip(scaled, 0, 255))[..., None].astype(np.uint8)
        grey = image.mode in ("1", "L", "LA")
        pixels = np.asarray(image.convert("L" if grey else "RGB"))
    return pixels[..., None] if grey else pixels
