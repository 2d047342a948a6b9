"""The configs that a benchmark measures, as its lists of flags choose them."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

from synthjax.bench.benchmark import DTYPES
from synthjax.core.errors import StudyError
from synthjax.gan.config import MODELS, GanConfig
from synthjax.gan.presets import BF16_FROM


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
    if dtype:
        if dtype not in DTYPES:
            raise StudyError(f"the dtype {dtype!r} must be one of {', '.join(DTYPES)}")
        start = 0 if dtype == "float32" else BF16_FROM
        sizes = dataclasses.replace(getattr(config, model), bf16_from=start)
        changes[model] = sizes
    if batch_size:
        changes |= {"batch_size": batch_size, "grown_batch_sizes": ()}
    return dataclasses.replace(config, **changes)
