"""One .npz per split: arrays that NumPy opens with nothing else installed.

The images are streamed into the archive, so a set of any size is written in the memory
of a few images. Nothing in it is pickled.
"""

import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from synthjax.data.dataset import Dataset
from synthjax.data.export.card import write_card
from synthjax.data.schema import Record


def write_npz(built: Dataset, folder: Path) -> None:
    """Writes `<split>.npz` and README.md; the same set gives the same bytes.

    Arrays: images [n h w c] uint8 or uint16; labels [n y] float32, 0, 1 or NaN where
    unknown; soft_labels [n y] float32, 0 to 1, where there are some; label_names [y]; id, patient_id, study_id, sex, view [n] text, "" where
    unknown; age [n] float32 years, NaN where unknown; synthetic, a truth value.

    Args:
        folder: there and empty.
    """
    for split in built.counts:
        _write_split(built, split, folder / f"{split}.npz")
    write_card(
        built,
        folder,
        files=(
            "A file per split for `numpy.load`: `images` [n h w c], `labels` [n y] "
            "(1 present, 0 absent, NaN unknown), `label_names` [y], and per image "
            "`id`, `patient_id`, `study_id`, `age` in years, `sex`, `view`."
        ),
    )


def _write_split(built: Dataset, split: str, path: Path) -> None:
    schema, metadata = built.schema, built.metadata(split)
    columns = {
        "labels": built.label(split),
        "label_names": np.array(schema.labels, dtype=str),
        "age": metadata.age,
        "synthetic": np.array(built.is_synthetic),
    }
    soft = built.soft_label(split)
    if soft is not None:
        columns["soft_labels"] = soft
    for name in ("id", "patient_id", "study_id", "sex", "view"):
        columns[name] = getattr(metadata, name).astype(str)

    def pixels(index: int, record: Record) -> bytes:
        return record.pixels.tobytes()

    # Not compressed, so that an image can be found in the file without unpacking it.
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        shape = (len(metadata), *schema.image_shape)
        _stream(archive, "images", shape, schema.dtype, built.map_images(split, pixels))
        for name, array in columns.items():
            _stream(archive, name, array.shape, array.dtype, [array.tobytes()])


def _stream(
    archive: zipfile.ZipFile,
    name: str,
    shape: tuple[int, ...],
    dtype: np.dtype,
    parts: Iterable[bytes],
) -> None:
    """Writes an array, in the .npy format, from its bytes in C order."""
    header = {
        "descr": np.lib.format.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": shape,
    }
    # A ZipInfo of its own has a fixed date: the same set gives the same bytes.
    member = zipfile.ZipInfo(f"{name}.npy")
    with archive.open(member, "w", force_zip64=True) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            file.write(part)
