"""What the folders of a source are: classes, splits with classes in them, or neither.

A wrong guess makes a set that looks right and is not: splits as labels, masks as images.
So a layout is read where there is one way to read it, and refused by name elsewhere.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from synthjax.core.errors import StudyError
from synthjax.data.schema import SPLITS

_SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "val": "valid",
    "valid": "valid",
    "validation": "valid",
    "dev": "valid",
    "development": "valid",
    "test": "test",
    "testing": "test",
}
_SPLIT_ENDS = re.compile(r"(set|data|images|imgs|split|fold)$")
_BESIDE = (  # what lies beside images and is made of pixels too
    *("mask", "seg", "segmentation", "annotation", "annot", "contour", "groundtruth"),
    *("gt", "overlay", "heatmap", "saliency", "cam", "gradcam", "thumb", "thumbnail"),
    "preview",
)
_BESIDE_FOLDERS = {word + end for word in _BESIDE for end in ("", "s")}
_BESIDE_FILE = re.compile(  # x_mask.png, x_mask_1.png beside x.png
    rf"(.+?)[_\-. ]+(?:{'|'.join(_BESIDE)})s?(?:[_\-. ]*\d+)?", re.IGNORECASE
)
_GENERIC = {"images", "image", "imgs", "img", "labels", "label", "pictures"}
_ANYWAY = "or set config.data.folder.read_all=True to read all of them as images"
_OFTEN = 1.5  # folders of a name: with more it is no name of a patient of one class
_SHOWN = 6  # names in a message


class Layout(NamedTuple):
    """How the path of an image is read."""

    splits: Mapping[str, str]  # first folder -> split; empty: it is the class

    @property
    def place(self) -> int:
        """Returns which part of an image's path is its class."""
        return int(bool(self.splits))


def find_layout(
    files: Sequence[str], root: Path, *, patient_folders: bool, read_all: bool
) -> Layout:
    """Finds out what the folders of the images are.

    Args:
        files: images relative to `root`, with forward slashes.
        root: the folder of the classes, for messages.
        patient_folders: whether the folders in a class are patients.
        read_all: whether the user said that folders and files that look like masks, or
            come again in each class, are images of the class too.

    Raises:
        StudyError: they can be read in several ways, or in none; it says how to go on.
    """
    parts = [file.split("/") for file in files if "/" in file]
    layout = Layout(_find_splits(parts, root))
    if not read_all:
        inner = [path[layout.place :] for path in parts]
        _refuse_masks(parts, layout.place, root)
        if not patient_folders:
            _refuse_repeated(inner, root)
    return layout


def split_word(folder: str) -> str:
    """Returns train, valid or test for a folder that is called like a split, or ""."""
    word = re.sub(r"[^a-z]", "", folder.casefold())
    return _SPLIT_WORDS.get(word) or _SPLIT_WORDS.get(_SPLIT_ENDS.sub("", word), "")


def _find_splits(parts: Sequence[Sequence[str]], root: Path) -> dict[str, str]:
    """Returns folder -> split if the first folders are splits, {} if they are not."""
    folders = sorted({path[0] for path in parts})
    words = {folder: split for folder in folders if (split := split_word(folder))}
    if len(words) < min(2, len(folders)) or not words:
        return {}
    named = ", ".join(words)
    one = root / next(iter(words))
    others = [folder for folder in folders if folder not in words]
    if others:
        raise StudyError(
            f"{root} has folders that look like splits ({named}) beside others "
            f"({_listed(others)}), so its classes are not known; move the others away, "
            f"or set config.data.folder.path to one of the splits, such as {one}."
        )
    loose = sum(len(path) == 2 for path in parts)
    if loose:
        raise StudyError(
            f"the folders of {root} look like splits, not classes ({named}), and "
            f"{loose} images are in no folder of a class inside them; move these, or "
            "write a table with a split column and name it in "
            "config.data.folder.labels_csv."
        )
    missing = [split for split in SPLITS if split not in words.values()]
    if missing:
        raise StudyError(
            f"the folders of {root} look like splits, not classes ({named}), but "
            f"{' and '.join(missing)} is not among them; add a folder of that name "
            "with images of patients of its own, or set config.data.folder.path to one "
            f"of them, such as {one}, whose patients are then assigned anew."
        )
    return words


def _refuse_masks(parts: Sequence[Sequence[str]], place: int, root: Path) -> None:
    """Raises StudyError for masks and the like beside the images."""
    found: Counter[str] = Counter()
    stems = {(*path[:-1], _stem(path[-1])) for path in parts}
    for path in parts:
        folder = next((f for f in path[place:-1] if _is_beside(f)), None)
        match = _BESIDE_FILE.fullmatch(_stem(path[-1]))
        if folder is not None:
            found[f"folder {folder}"] += 1
        elif match and (*path[:-1], match[1]) in stems:
            found["names such as " + path[-1]] += 1
    if found and found.total() < len(parts):
        merged = Counter({k: n for k, n in found.items() if k.startswith("folder")})
        named = found.total() - merged.total()
        if named:
            first = next(k for k in found if not k.startswith("folder"))
            merged[first] = named
        listed = ", ".join(f"{name} ({count})" for name, count in merged.items())
        raise StudyError(
            f"{root} holds what looks like masks or the like among its {len(parts)} "
            f"images: {listed}. Leave them out, such as by "
            "config.data.folder.leave_out=\"('masks','*_mask*')\" "
            f"(names or patterns), {_ANYWAY}."
        )


def _refuse_repeated(parts: Sequence[Sequence[str]], root: Path) -> None:
    """Raises StudyError if the same folders come again in each class.

    Then the class may be the inner folder (of hospitals), or the inner ones are of
    several kinds (images, masks), or patients that are in several classes.
    """
    inner: dict[str, set[str]] = defaultdict(set)
    counts: Counter[str] = Counter()
    for path in parts:
        if len(path) > 2:
            inner[path[0]].add(path[1])
            counts[path[1]] += 1
    classes = sorted({path[0] for path in parts})
    generic = [folder for folder in classes if folder.casefold() in _GENERIC]
    if generic:
        raise StudyError(
            f"{root} has folders that are hardly classes ({_listed(generic)}); set "
            "config.data.folder.path to the folder whose folders are the classes, "
            f"{_ANYWAY}."
        )
    if len(inner) < 2 or len(inner) < len(classes) or len(counts) < 2:
        return
    if sum(map(len, inner.values())) <= _OFTEN * len(counts):
        return
    listed = _listed([f"{name} ({counts[name]} images)" for name in sorted(counts)])
    raise StudyError(
        f"the folders {_listed(classes)} of {root} hold folders of the same names: "
        f"{listed}. If these are the classes, put them on the first level; if they are "
        "patients, set config.data.folder.patient_folders=True; if only some hold "
        "images, leave the others out by config.data.folder.leave_out; "
        f"{_ANYWAY}."
    )


def check_spelling(labels: Collection[str], root: Path) -> None:
    """Raises StudyError if two classes differ by upper and lower case alone."""
    folded: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        folded[label.casefold()].append(label)
    for names in folded.values():
        if len(names) > 1:
            raise StudyError(
                f"the classes {' and '.join(names)} of {root} differ by upper and "
                "lower case alone; rename the folders of one of them."
            )


def _is_beside(folder: str) -> bool:
    words = re.split(r"[^a-z]+", folder.casefold())
    return "".join(words) in _BESIDE_FOLDERS or bool(_BESIDE_FOLDERS & set(words))


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def _listed(names: Sequence[str]) -> str:
    shown = list(names[:_SHOWN]) + ["..."] * (len(names) > _SHOWN)
    return ", ".join(shown)
