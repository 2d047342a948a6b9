"""From a config with open fields to one with the numbers of a publication."""

import dataclasses
from typing import Any

from synthjax.gan.config import (
    EarlyStopConfig,
    GanConfig,
    ResolvedConfig,
    ResolvedEarlyStop,
)
from synthjax.gan.losses import LOSSES
from synthjax.gan.models import MODELS

# Of the early stop, by resolution, px: kimg before it may, kimg between two
# comparisons, and comparisons without improvement that end it (DuMont Schuette et al.
# 2021, doi:10.1038/s41746-021-00507-3).
STOP = {
    32: (7000.0, 400.0, 2),
    64: (7000.0, 320.0, 2),
    128: (9000.0, 240.0, 2),
    256: (6000.0, 160.0, 3),
}
STOP_ABOVE = (6000.0, 80.0, 3)


def resolve(config: GanConfig, resolution: int) -> ResolvedConfig:
    """Fills in every field that is None, from the model's preset; what is set stays.

    Args:
      config: the gan section.
      resolution: of the images, px.

    Raises:
      ConfigError: a weight that the model or the loss has no use for, batch sizes that
        do not fit the resolutions of a growing network.
    """
    preset = MODELS[config.model].preset(
        config.sizes,
        resolution=resolution,
        batch_size=config.batch_size,
        grown_batch_sizes=config.grown_batch_sizes,
    )
    values = _values(config)
    for name, value in _values(preset).items():
        if name != "sizes" and values[name] is None:
            values[name] = value
    if config.r1_weight is None and LOSSES[values["loss"]].interpolates:
        values["r1_weight"] = 0.0  # the loss has a gradient penalty of its own
    if config.model in config.sections:
        values[config.model] = preset.sizes
    values["early_stop"] = _early_stop(config.early_stop, resolution)
    return ResolvedConfig(**values)


def _values(config: Any) -> dict[str, Any]:
    return {
        each.name: getattr(config, each.name) for each in dataclasses.fields(config)
    }


def _early_stop(config: EarlyStopConfig, resolution: int) -> ResolvedEarlyStop:
    min_kimg, every_kimg, patience = STOP.get(resolution, STOP_ABOVE)
    preset = {"min_kimg": min_kimg, "every_kimg": every_kimg, "patience": patience}
    given = {
        name: value for name, value in _values(config).items() if value is not None
    }
    return ResolvedEarlyStop(**(preset | given))
