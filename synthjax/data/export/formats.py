"""Exports a finished set: the table of formats that other tools open."""

import contextlib
import dataclasses
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from synthjax.core.clock import say
from synthjax.core.errors import StudyError
from synthjax.core.places import check_output, is_inside
from synthjax.core.stages import PREPARED
from synthjax.data.dataset import Dataset
from synthjax.data.export.imagefolder import write_image_folder
from synthjax.data.export.npz import write_npz
from synthjax.data.export.secondary_capture import write_secondary_capture
from synthjax.data.soft_labels import SOFT_LABELS, read_soft_labels
from synthjax.data.source_images import recorded_root

FORMATS = {  # name -> what writes a set in it, into an empty folder
    "png": write_image_folder,
    "npz": write_npz,
    "dicom": write_secondary_capture,
}


def export(
    set_directory: Path, out: Path, format: str, *, keep_ids: bool = False
) -> None:
    """Writes the set in `set_directory`, real or synthetic, to `out`.

    The soft labels of a synthetic set are written beside the labels that were asked
    for, each named, if the classifier stage of its study made some.

    Args:
        set_directory: a finished set, such as <workdir>/data or <workdir>/synth.
        out: new or empty; it is there when all is written, and not before.
        format: a key of FORMATS: "png" (with metadata.csv), "npz", or, for synthetic
            sets, "dicom".
        keep_ids: whether the ids of images, exams and patients stay as they are in a
            set that is not synthetic. Otherwise they become numbers, for they may be
            the hospital's.

    Raises:
        StudyError: no finished set, `out` in use or not empty, an unknown format, or a
            real set as DICOM.
    """
    if format not in FORMATS:
        raise StudyError(f"format={format!r}: must be one of {', '.join(FORMATS)}.")
    if is_inside(out, set_directory):
        raise StudyError(
            f"{out} lies in the set's own directory, {set_directory}; choose another."
        )
    check_output(out, _folders_read(set_directory))
    _check_free(out)
    dataset = _with_soft_labels(Dataset.open(set_directory))
    if not (keep_ids or dataset.is_synthetic):
        dataset = dataset.numbered()
    with _whole_folder(out) as folder:
        FORMATS[format](dataset, folder)
    say(f"{out}: {len(dataset)} images of {dataset.schema.name} as {format}")


def _with_soft_labels(dataset: Dataset) -> Dataset:
    """Returns a study's synthetic set with the soft labels that the study has of it.

    Raises:
        StudyError: they are damaged, or of another set.
    """
    path = dataset.directory.absolute().parent / "classifier" / SOFT_LABELS
    if not dataset.is_synthetic or not path.exists():
        return dataset
    soft = read_soft_labels(path)
    if soft.labels != dataset.schema.labels:
        raise StudyError(
            f"{path} is of other findings than {dataset.directory}: run the classifier "
            "stage again, or move it away to export the set without soft labels"
        )
    if soft.digest != dataset.sample_digest():
        raise StudyError(
            f"{path} has the soft labels of other images than {dataset.directory} has "
            "now: run the classifier stage again, or move it away to export the set "
            "without soft labels"
        )
    say(f"{path}: soft labels are exported beside the labels that were asked for")
    return dataclasses.replace(dataset, soft=soft)


def _folders_read(set_directory: Path) -> dict[str, str]:
    """Returns the folders that the study of a set was made from, if it kept them."""
    prepared = set_directory.absolute().parent / PREPARED
    roots = (recorded_root(prepared), recorded_root(prepared / set_directory.name))
    return {f"the study of {set_directory}": root for root in roots if root}


@contextlib.contextmanager
def _whole_folder(out: Path) -> Iterator[Path]:
    """Yields an empty folder beside `out` that becomes `out`, if all went well.

    What a killed export left is removed by the next one to the same place.
    """
    partial = out.absolute().with_name(f".{out.absolute().name}.partial")
    partial.mkdir(parents=True, exist_ok=True)
    # Not by a link: what the folder holds is removed.
    lock = os.open(partial, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StudyError(
                f"{out} is being written by another process; wait for it, or choose "
                "another place."
            ) from None
        try:
            _clear(partial)
            yield partial
            _check_free(out)
            os.rename(partial, out)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    finally:
        os.close(lock)


def _check_free(out: Path) -> None:
    if out.is_dir() and not any(out.iterdir()):
        return
    if out.exists() or out.is_symlink():
        raise StudyError(
            f"{out} is there already and is not an empty folder; choose another place, "
            "or move it away."
        )


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
