"""The sections of a study's config and the dataclass that declares each one."""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from synthjax.classifier import presets
from synthjax.classifier.config import ClassifierConfig
from synthjax.core.config import freeze, section
from synthjax.core.devices import DevicesConfig
from synthjax.data.config import DataConfig
from synthjax.evaluate.config import EvaluateConfig
from synthjax.gan.config import GanConfig
from synthjax.gan.presets import resolve
from synthjax.report.config import ReportConfig
from synthjax.synth.config import SynthConfig

SECTIONS = {
    "devices": DevicesConfig,
    "data": DataConfig,
    "gan": GanConfig,
    "synth": SynthConfig,
    "classifier": ClassifierConfig,
    "evaluate": EvaluateConfig,
    "report": ReportConfig,
}


def new_study(seed: int = 0) -> ConfigDict:
    """A study with every default; a config file changes what it is about."""
    config = {name: section(cls) for name, cls in SECTIONS.items()}
    return ConfigDict({"seed": seed, **config})


def train_as_published(config: ConfigDict, training: str) -> None:
    """Trains the classifiers as the paper did if `training` is "paper", not if it is "".

    Raises:
      ValueError: it is something else.
    """
    if training not in ("", "paper"):
        raise ValueError(f"{training!r}: after the resolution there may be :paper only")
    if training == "paper":
        seeds = config.classifier.seeds
        config.classifier = section(presets.paper())
        config.classifier.seeds = seeds


def resolve_all(sections: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the sections with every preset filled in.

    Raises:
      ConfigError: values that do not go together once they are.
    """
    gan = resolve(sections["gan"], sections["data"].resolution)
    return {**sections, "gan": gan}


def freeze_all(config: ConfigDict) -> dict[str, Any]:
    """Every section as its dataclass; the first bad value raises ConfigError."""
    return {name: freeze(cls, config[name], name) for name, cls in SECTIONS.items()}
