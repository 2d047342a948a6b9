"""A folder of PNG, JPEG, TIFF or DICOM images: how anybody's data comes in.

Either labels.csv has one row per image: the file (relative to the folder), optionally
the patient, study, age, sex and view, and one column per label with 0, 1 or blank
(unknown). A split column says who is for training and who for tests, where that is
decided already. Or, with `labels_csv=""`, each folder in it is a class and holds its
images, in folders per patient if there are any; folders train, valid and test around
the classes are the splits. All of it is checked before an image is read.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from synthjax.core.errors import StudyError
from synthjax.core.files import open_regular
from synthjax.data.listing import Context, Listing, make_metadata
from synthjax.data.sources.class_folders import class_names, list_classes
from synthjax.data.sources.dicom_patients import add_patients, header_file
from synthjax.data.sources.folder_config import FolderConfig
from synthjax.data.sources.folder_table import (
    FolderImage,
    label_columns,
    open_table,
    read_table,
)
from synthjax.data.sources.ignored import IgnoredFiles
from synthjax.data.sources.set_folder import existing_folder
from synthjax.data.sources.source import Source
from synthjax.data.sources.tree import ReadFile, Tree
from synthjax.data.splits import group_by_split


def list_images(config: FolderConfig, context: Context) -> Listing:
    """Lists the images of the table, or of the class folders; none is decoded.

    Images are known by their suffix, those of other suffixes by their content. What is
    ignored (hidden files, other files, links to folders) is counted, and so are rows
    that say the same, and odd ages and sexes, which are unknown.

    Raises:
        StudyError: a missing folder, table or column, a folder that cannot be listed,
            no rows or classes; and, as the policy says, problems: a row with a
            missing file, a path that leaves the folder, rows of one file that
            contradict each other, a label that is not 0, 1 or blank, an image without
            a row.
    """
    tree, ignored = Tree(existing_folder(config.path, "folder")), IgnoredFiles()
    counts: Counter[str] = Counter()
    if config.labels_csv:
        labels, images = read_table(config, tree, context.problems, ignored, counts)
    else:
        labels, members = list_classes(config, tree, context.problems, ignored)
        images = [
            FolderImage("", m.file, m.label, m.patient_id, split=m.split)
            for m in members
        ]
    if not images:
        raise StudyError(f"{tree.root} has no image that can be used.")
    metadata = make_metadata(
        id=[image.file for image in images],
        label=np.array([image.label for image in images], np.float32),
        patient_id=[image.patient_id for image in images],
        study_id=[image.study_id for image in images],
        age=[image.age for image in images],
        sex=[image.sex for image in images],
        view=[image.view for image in images],
        origin=[image.file for image in images],
    )
    if config.patient_from_dicom:
        metadata = add_patients(metadata, tree.root, context, counts)
    return Listing(
        name="folder",
        labels=labels,
        metadata=metadata,
        read=ReadFile(tree.root, context.pixels),
        has_patients=config.has_patients,
        splits=group_by_split([image.split for image in images])
        if any(image.split for image in images)
        else None,
        root=tree.root,
        facts={**counts, **ignored.facts()},
    )


def label_names(config: FolderConfig) -> tuple[str, ...]:
    """Returns the labels by the table's header or the class folders.

    No row and no image is read.

    Raises:
        StudyError: a missing folder, table or column, or no labels.
    """
    root = existing_folder(config.path, "folder")
    if config.labels_csv:
        return label_columns(config, open_table(config, root))
    files = Tree(root).walk(IgnoredFiles(), leave_out=config.leave_out)
    return class_names(config, files, root)[1]


def digest(config: FolderConfig) -> str | None:
    """Identifies the table by its bytes, the images by names, sizes and times.

    The times are those of the last change: a file may be written anew with as many
    bytes. An image that is away is one too. None if the folder or the table is away or
    cannot be read, so that no change can be known.
    """
    hasher = hashlib.sha256()
    try:
        root = existing_folder(config.path, "folder")
        if config.labels_csv:
            with open_regular(root / config.labels_csv, inside=root) as file:
                hasher.update(hashlib.file_digest(file, "sha256").digest())
        for name in _files(config, root):
            state = f"{name}\0{_state(root / name)}\n"
            hasher.update(state.encode(errors="surrogateescape"))
    except (OSError, StudyError):
        return None
    return hasher.hexdigest()[:16]


def _files(config: FolderConfig, root: Path) -> Iterator[str]:
    """Yields the images as the table or the folders name them."""
    if not config.labels_csv:
        yield from Tree(root).walk(IgnoredFiles())
        return
    table = open_table(config, root)
    table.check_column(config.file_column)
    for _, cells in table.filled_rows((config.file_column,)):
        if cells is not None:
            yield cells[0]


def _state(path: Path) -> str:
    """Returns size and time of a file."""
    try:
        found = path.stat()
    except (OSError, ValueError):  # away, no name of a file
        return "missing"
    return f"{found.st_size} {found.st_mtime_ns}"


def header_index(config: FolderConfig, prepared: Path) -> Path | None:
    """Returns where the headers are kept, if patients are taken from them."""
    return header_file(prepared) if config.patient_from_dicom else None


SOURCE = Source(FolderConfig, list_images, digest, header_index=header_index)
