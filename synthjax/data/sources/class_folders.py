"""Folders that are classes: each image has the label of the folder that it is in."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from synthjax.core.errors import StudyError
from synthjax.data.problems import FILE_NAME, PATIENT_MISSING, Problems
from synthjax.data.sources.tree import Fault, IgnoredFiles, Tree, printable


class ClassImage(NamedTuple):
    """One image of a class."""

    file: str  # relative to the folder of the classes, with forward slashes
    label: tuple[float, ...]  # 1 at its class, 0 elsewhere
    patient_id: str  # of the folder, or the file itself


def list_classes(
    tree: Tree, problems: Problems, ignored: IgnoredFiles, *, patient_folders: bool
) -> tuple[tuple[str, ...], list[ClassImage]]:
    """Lists the names of the classes, sorted, and their images; settles problems.

    Args:
        ignored: gets what is not read.
        patient_folders: whether images are class/patient/image.

    Raises:
        StudyError: fewer than two classes, a folder that cannot be listed; and, as
            the policy says, problems: an image in no class or of no patient, a link
            that leaves the folder, a name that is not text, a link to a folder, which
            may be a class.
    """
    files, faults = [], 0
    for file in tree.walk(ignored):
        if printable(file) == file:
            files.append(file)
        else:
            problems.add(FILE_NAME, printable(file), "its name is not UTF-8; rename it")
            faults += 1
    for link in ignored.links:
        what = "it is a link to a folder, which is not followed; move the folder here"
        problems.add("folder linked", printable(link), what)
        faults += 1
    labels = class_names(files, tree.root)
    images = []
    for file in files:
        image = _image(file, labels, tree, patient_folders)
        if isinstance(image, ClassImage):
            images.append(image)
        else:
            problems.add(image.kind, file, image.what)
    problems.settle(len(files) + faults, remedy=f"They are in {tree.root}.")
    return labels, images


def class_names(files: Iterable[str], root: Path) -> tuple[str, ...]:
    """Returns the folders of files, sorted; StudyError if there are fewer than two.

    Args:
        files: relative to `root`, with forward slashes.
        root: the folder of the classes, for the message.
    """
    labels = tuple(sorted({file.split("/")[0] for file in files if "/" in file}))
    if len(labels) < 2:
        raise StudyError(
            f"{root} has {len(labels)} folder(s) with images in them; with "
            "labels_csv='' each class is a folder, two or more. Or name a table in "
            "config.data.folder.labels_csv."
        )
    return labels


def _image(
    file: str, labels: tuple[str, ...], tree: Tree, patient_folders: bool
) -> ClassImage | Fault:
    """Returns a file as an image, or what is wrong with it."""
    parts, path = file.split("/"), tree.locate(file)
    if isinstance(path, Fault):
        return path
    if len(parts) == 1:
        what = "it is not in a class folder; move it into one or away"
        return Fault("class missing", what)
    if patient_folders and len(parts) == 2:
        what = "it is not in a folder of a patient (class/patient/image); move it"
        return Fault(PATIENT_MISSING, what)
    label = tuple(float(name == parts[0]) for name in labels)
    return ClassImage(file, label, parts[1] if patient_folders else file)
