"""Takes a folder of somebody else's synthetic images for the synthetic set.

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
from synthjax.data.config import DataConfig
from synthjax.data.loader import read_schema
from synthjax.data.schema import SPLITS
from synthjax.synth.write import PROVENANCE, SynthConfig


def read_foreign(
    config: SynthConfig, like: DataConfig, *, seed: int, data: Path, out: Path
) -> None:
    """Builds the synthetic set from the folder of `config.folder`.

    Args:
      config: the synth section; `folder` says where the images are.
      like: the data section of the real set; what it says of pixels and of faulty
        files holds here too.
      seed: of the study; deals the images to the splits unless a column does.
      data: the real set.
      out: the synth directory.

    Raises:
      StudyError: the folder is faulty (the message names the row or file), lacks a
        label of the real set, or is the folder of the real set.
    """
    if _same(config.folder.path, like.folder.path) and like.source == "folder":
        raise StudyError(
            f"{config.folder.path} is given both as the real and as the synthetic "
            "folder; give two"
        )
    labels = read_schema(data).labels
    folder = dataclasses.replace(config.folder, label_columns=labels)
    section = dataclasses.replace(
        like, source="folder", folder=folder, cohort="", export_as=""
    )
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


def _same(one: str, other: str) -> bool:
    return bool(one and other) and Path(one).resolve() == Path(other).resolve()
