"""Folders that are classes: each image has the label of the folder that it is in."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from synthjax.core.errors import StudyError
from synthjax.data.problems import FILE_NAME, PATIENT_MISSING, Problems
from synthjax.data.sources.class_layout import Layout, check_spelling, find_layout
from synthjax.data.sources.folder_config import FolderConfig
from synthjax.data.sources.ignored import IgnoredFiles, printable
from synthjax.data.sources.tree import Fault, Tree


class ClassImage(NamedTuple):
    """One image of a class."""

    file: str  # relative to the folder of the classes, with forward slashes
    label: tuple[float, ...]  # 1 at its class, 0 elsewhere
    patient_id: str  # of the folder, or the file itself
    split: str = ""  # of the folder around the classes, if there are such


def list_classes(
    config: FolderConfig, tree: Tree, problems: Problems, ignored: IgnoredFiles
) -> tuple[tuple[str, ...], list[ClassImage]]:
    """Lists the names of the classes, sorted, and their images; settles problems.

    Folders called train, valid and test around the classes are splits. A folder that
    has files but no image is noticed.

    Args:
        ignored: gets what is not read.

    Raises:
        StudyError: fewer than two classes, a folder that cannot be listed, folders
            that can be read in several ways (`find_layout`); and, as
            the policy says, problems: an image in no class or of no patient, a link
            that leaves the folder, a name that is not text, a link to a folder, which
            may be a class.
    """
    files, faults = [], 0
    for file in tree.walk(ignored, leave_out=config.leave_out):
        if printable(file) == file:
            files.append(file)
        else:
            problems.add(FILE_NAME, printable(file), "its name is not UTF-8; rename it")
            faults += 1
    for link in ignored.links:
        what = "it is a link to a folder, which is not followed; move the folder here"
        problems.add("folder linked", printable(link), what)
        faults += 1
    layout, labels = class_names(config, files, tree.root)
    _notice_empty(files, ignored, problems)
    images = []
    for file in files:
        image = _image(file, layout, labels, tree, config.patient_folders)
        if isinstance(image, ClassImage):
            images.append(image)
        else:
            problems.add(image.kind, file, image.what)
    problems.settle(len(files) + faults, remedy=f"They are in {tree.root}.")
    return labels, images


def class_names(
    config: FolderConfig, files: Iterable[str], root: Path
) -> tuple[Layout, tuple[str, ...]]:
    """Returns how the folders are read, and the classes, sorted.

    Args:
        files: relative to `root`, with forward slashes.
        root: the folder of the classes, for the message.

    Raises:
        StudyError: there are fewer than two classes, or several ways to read them.
    """
    files = list(files)
    layout = find_layout(
        files,
        root,
        patient_folders=config.patient_folders,
        read_all=config.read_all,
    )
    place = layout.place
    labels = tuple(
        sorted({file.split("/")[place] for file in files if file.count("/") > place})
    )
    if len(labels) < 2:
        raise StudyError(
            f"{root} has {len(labels)} folder(s) with images in them; with "
            "labels_csv='' each class is a folder, two or more. Or name a table in "
            "config.data.folder.labels_csv."
        )
    check_spelling(labels, root)
    return layout, labels


def _notice_empty(
    files: Iterable[str], ignored: IgnoredFiles, problems: Problems
) -> None:
    """Notices folders of the first level none of whose files is an image."""
    full = {file.split("/")[0] for file in files if "/" in file}
    others = Counter(file.split("/")[0] for file in ignored.others if "/" in file)
    empty = [
        f"{printable(folder)}: {count} files, none of them an image"
        for folder, count in others.items()
        if folder not in full
    ]
    remedy = "It is no class of the set: is it one? Save its images as PNG."
    problems.notice("folder without images", empty, remedy)


def _image(
    file: str,
    layout: Layout,
    labels: tuple[str, ...],
    tree: Tree,
    patient_folders: bool,
) -> ClassImage | Fault:
    """Returns a file as an image, or what is wrong with it."""
    parts, path = file.split("/"), tree.locate(file)
    if isinstance(path, Fault):
        return path
    if len(parts) == 1:
        what = "it is not in a class folder; move it into one or away"
        return Fault("class missing", what)
    split = layout.splits.get(parts[0], "")
    parts = parts[layout.place :]
    if patient_folders and len(parts) == 2:
        what = "it is not in a folder of a patient (class/patient/image); move it"
        return Fault(PATIENT_MISSING, what)
    label = tuple(float(name == parts[0]) for name in labels)
    return ClassImage(file, label, parts[1] if patient_folders else file, split)
