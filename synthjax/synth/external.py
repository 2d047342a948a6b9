"""Takes a folder of external synthetic images for the synthetic set.

The folder goes through the same reader, resize and codec as the real one, with the
real set's labels, resolution and pixels, so that no later stage can tell where the
images came from.
"""

import dataclasses
from pathlib import Path

from synthjax.core.clock import say
from synthjax.core.errors import StudyError
from synthjax.core.files import read_json, write_json
from synthjax.data.builder import build
from synthjax.data.config import DataConfig, with_source
from synthjax.data.schema import SPLITS
from synthjax.data.sources.folder import FolderConfig, label_names
from synthjax.data.store.loader import read_schema
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
    folder = _with_labels(config.folder, read_schema(data).labels)
    section = with_source(like, "folder", folder)
    build(section, seed=seed, out=out, prepared=out / "prepared")
    splits = read_json(out / "splits.json")["splits"]
    counts = {split: {"images": splits[split]["images"]} for split in SPLITS}
    source = "the folder's own, made elsewhere"
    write_json(out / PROVENANCE, {"label_source": source, "counts": counts})
    real = read_json(data / "splits.json")["splits"]["train"]["images"]
    if (have := counts["train"]["images"]) < real / 2:
        say(
            f"synth: {have} synthetic training images against {real} real ones: the gap "
            "is also that of fewer images"
        )


def check_folders(config: SynthConfig, like: DataConfig) -> None:
    """Finds, in a moment, what is wrong with the synthetic folder beside the real one.

    Names of folders and the headers of their tables are read, no row and no image. If
    the real set is none of a folder, only that the synthetic folder is there.

    Args:
      config: the synth section, with a folder.
      like: the data section of the real set.

    Raises:
      StudyError: a folder or its table is away, both are the same folder, or the
        synthetic one lacks a label of the real one.
    """
    given = Path(config.folder.path).expanduser()
    if not given.is_dir():
        raise StudyError(
            f"{given} is no folder; set config.synth.folder.path (--synthetic of "
            "launch.compare) to the folder of the synthetic images"
        )
    if like.source != "folder":
        return
    if _same(config.folder.path, like.section("folder").path):
        raise StudyError(
            f"{config.folder.path} is given both as the real and as the synthetic "
            "folder; give two"
        )
    labels = label_names(like.section("folder"))
    have = label_names(_with_labels(config.folder, labels))
    if have != labels:
        raise StudyError(
            f"{given} has the classes {list(have)}, but the real images have the labels "
            f"{list(labels)}; name its folders as these"
        )


def _with_labels(folder: FolderConfig, labels: tuple[str, ...]) -> FolderConfig:
    """The folder read for the labels of the real set; class folders have their own."""
    return dataclasses.replace(
        folder, label_columns=labels if folder.labels_csv else ()
    )


def _same(one: str, other: str) -> bool:
    return bool(other) and _real(one) == _real(other)


def _real(path: str) -> Path:
    return Path(path).expanduser().resolve()
