"""The sections of a study's config and the dataclass that declares each one."""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from synthjax.classifier import presets
from synthjax.classifier.config import ClassifierConfig
from synthjax.core.config import MAX_SEED, freeze, section
from synthjax.core.devices_config import DevicesConfig
from synthjax.core.errors import ConfigError
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
PUBLISHED = ("32", "64", "128", "256", "512")  # resolutions of the paper's studies


def new_study(seed: int = 0) -> ConfigDict:
    """A study with every default; a config file changes what it is about."""
    config = {name: section(cls) for name, cls in SECTIONS.items()}
    return ConfigDict({"seed": seed, **config})


def published_study(study: str, modality: str) -> ConfigDict:
    """Returns what the studies of a real archive have in common, as in the paper.

    DuMont Schuette et al., npj Digital Medicine 4:141 (2021). A config file adds its
    source and how its images become pixels.

    Args:
      study: the resolution in pixels, such as "256"; "256:paper" trains the classifiers
        with the paper's numbers.
      modality: chest or brain, whose rules the cohort follows.

    Raises:
      ValueError: `study` says something else.
    """
    resolution, _, training = study.partition(":")
    if resolution not in PUBLISHED:
        raise ValueError(f"{resolution!r}: must be one of {', '.join(PUBLISHED)}")
    if training not in ("", "paper"):
        raise ValueError(f"{training!r}: after the resolution there may be :paper only")
    config = new_study()
    config.data.resolution = int(resolution)
    config.data.modality = modality
    config.data.cohort = "resolution"
    config.data.pixels.normalise = "maximum"
    config.gan.checkpoint_kimg = config.gan.grid_kimg = 200.0
    if training == "paper":
        config.classifier = section(presets.paper())
    else:
        config.classifier.steps = 10000
        config.classifier.eval_every = 500
    return config


def resolve_all(sections: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the sections with every preset filled in.

    Raises:
      ConfigError: values that do not go together once they are.
    """
    gan = resolve(sections["gan"], sections["data"].resolution)
    return {**sections, "gan": gan}


def freeze_all(config: ConfigDict) -> dict[str, Any]:
    """Every section as its dataclass; the first bad value raises ConfigError."""
    if not 0 <= config.seed <= MAX_SEED:
        raise ConfigError(
            f"config.seed={config.seed}: must be at least 0 and at most {MAX_SEED}"
        )
    return {name: freeze(cls, config[name], name) for name, cls in SECTIONS.items()}
