"""The configs that a benchmark measures, as its lists of flags choose them."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

from synthjax.bench.benchmark import DTYPES
from synthjax.core.errors import StudyError
from synthjax.gan.config import GanConfig
from synthjax.gan.models import MODELS
from synthjax.gan.networks.stylegan2_config import BF16_FROM

# Keys that a model may have no use for; another model takes its own presets for them.
WEIGHTS = ("r1_weight", "path_weight", "style_mixing", "label_weight")


def variants(
    config: GanConfig,
    resolution: int,
    models: Sequence[str],
    resolutions: Sequence[str],
    dtypes: Sequence[str],
    batches: Sequence[str],
) -> list[tuple[GanConfig, int]]:
    """Returns config and resolution of each row, resolutions ascending within a model.

    An empty list leaves the config as it is.

    Args:
      config: the gan section.
      resolution: of the study, pixels.
      models: names in MODELS.
      resolutions: pixels.
      dtypes: names in DTYPES.
      batches: images per update.

    Raises:
      StudyError: a word that is not one of these.
    """
    sizes = sorted(_numbers(resolutions, "resolution")) or [resolution]
    counts = sorted(_numbers(batches, "batch")) or [0]
    return [
        (variant(config, model, dtype, count), size)
        for model, size, dtype, count in itertools.product(
            models or [""], sizes, dtypes or [""], counts
        )
    ]


def _numbers(words: Sequence[str], name: str) -> list[int]:
    for word in words:
        if not word.isdigit() or not int(word):
            raise StudyError(f"the {name} {word!r} must be a positive number")
    return [int(word) for word in words]


def variant(
    config: GanConfig, model: str = "", dtype: str = "", batch_size: int = 0
) -> GanConfig:
    """Returns the config with another model, dtype of the blocks or batch.

    Args:
      config: the gan section.
      model: a name in MODELS; empty: the config's.
      dtype: a name in DTYPES; empty: the config's.
      batch_size: images per update; 0: the config's.

    Raises:
      StudyError: an unknown name.
    """
    model = model or config.model
    if model not in MODELS:
        raise StudyError(f"the model {model!r} must be one of {', '.join(MODELS)}")
    changes: dict[str, Any] = {"model": model}
    if model != config.model:
        changes |= dict.fromkeys(WEIGHTS)
    if dtype:
        if dtype not in DTYPES:
            raise StudyError(f"the dtype {dtype!r} must be one of {', '.join(DTYPES)}")
        start = 0 if dtype == "float32" else BF16_FROM
        if model not in config.sections:
            raise StudyError(f"the dtype of the model {model!r} is its own to choose")
        sizes: Any = config.sections[model]
        changes[model] = dataclasses.replace(sizes, bf16_from=start)
    if batch_size:
        changes |= {"batch_size": batch_size, "grown_batch_sizes": None}
    return dataclasses.replace(config, **changes)
