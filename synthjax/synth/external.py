"""Reads a folder of external synthetic images as the synthetic set.

The folder goes through the same reader, resize and codec as the real one, with the
real set's labels, resolution and pixels, so that no later stage can tell where the
images came from.
"""

import dataclasses
from pathlib import Path

from synthjax.core.clock import say
from synthjax.core.errors import StudyError
from synthjax.core.files import write_json
from synthjax.core.places import is_inside
from synthjax.core.stages import PREPARED
from synthjax.data.builder import build
from synthjax.data.config import DataConfig, with_source
from synthjax.data.dataset import Dataset
from synthjax.data.schema import SPLITS
from synthjax.data.source_images import identify_source
from synthjax.data.sources.folder import FolderConfig, label_names
from synthjax.synth.config import SynthConfig
from synthjax.synth.provenance import PROVENANCE


def read_external(
    config: SynthConfig, like: DataConfig, *, seed: int, data: Path, out: Path
) -> None:
    """Builds the synthetic set from the external folder of `config.folder`.

    Args:
      config: the synth section; `folder` says where the images are.
      like: the data section of the real set; what it says of pixels and of faulty
        files holds here too.
      seed: of the study; deals the images to the splits unless a column does.
      data: the real set.
      out: the synth directory.

    Raises:
      StudyError: the folder is faulty (the message names the row or file), lacks a
        label of the real set, or does not pass `check_folders`.
    """
    check_folders(config, like)
    real = Dataset.open(data)
    folder = _with_labels(config.folder, real.schema.labels)
    section = with_source(like, "folder", folder)
    build(section, seed=seed, out=out, prepared=_prepared(out))
    counts = Dataset.open(out).counts
    provenance = {
        "label_source": "the folder's own, made elsewhere",
        "counts": {split: {"images": counts.get(split, 0)} for split in SPLITS},
    }
    write_json(out / PROVENANCE, provenance)
    synthetic_count, real_count = counts.get("train", 0), real.counts.get("train", 0)
    if synthetic_count < real_count / 2:
        say(
            f"synth: {synthetic_count} synthetic training images against {real_count} "
            "real ones: the gap is also that of fewer images"
        )


def identify_external(config: SynthConfig, like: DataConfig, out: Path) -> str | None:
    """Identifies the external images, by their table and their content.

    Args:
      config: the synth section, with a folder.
      like: the data section of the real set.
      out: the synth directory.
    """
    section = with_source(like, "folder", config.folder)
    return identify_source(section, _prepared(out))


def _prepared(out: Path) -> Path:
    """Returns where names of the user's files are kept: in nothing that is handed on."""
    return out.absolute().parent / PREPARED / out.name


def check_folders(config: SynthConfig, like: DataConfig) -> None:
    """Checks, in a moment, that the external folder goes with the real one.

    Names of folders and the headers of their tables are read, no row and no image. If
    the real set comes from no folder, only the external folder is looked for.

    Args:
      config: the synth section, with a folder.
      like: the data section of the real set.

    Raises:
      StudyError: a folder or its table is missing, both are the same folder or one lies
        in the other, or the synthetic one lacks a label of the real one.
    """
    path = Path(config.folder.path).expanduser()
    if not path.is_dir():
        raise StudyError(
            f"{path} is not a folder; set config.synth.folder.path (--synthetic of "
            "launch.compare) to the folder of the synthetic images"
        )
    if like.source != "folder":
        return
    real = like.section("folder").path
    if is_inside(path, real) and is_inside(real, path):
        raise StudyError(
            f"{config.folder.path} is given both as the real and as the synthetic "
            "folder; give two"
        )
    if is_inside(path, real) or is_inside(real, path):
        raise StudyError(
            f"of {real} (real) and {path} (synthetic) one lies in the other, so its "
            "images would be read as both; move it out"
        )
    labels = label_names(like.section("folder"))
    external = label_names(_with_labels(config.folder, labels))
    if external != labels:
        raise StudyError(
            f"{path} has the classes {list(external)}, but the real images have the labels "
            f"{list(labels)}; name its folders as these"
        )


def _with_labels(folder: FolderConfig, labels: tuple[str, ...]) -> FolderConfig:
    """Returns the folder, read for the real labels; class folders have their own."""
    return dataclasses.replace(
        folder, label_columns=labels if folder.labels_csv else ()
    )
