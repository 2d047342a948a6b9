"""A model from outside the package: its config, networks and preset, in one file.

    MODELS["toy"] = MODEL

before the config is read is all that a study with config.gan.model=toy needs, such as
in its config file.
"""

from dataclasses import dataclass

from synthjax.core.config import Config, field
from synthjax.gan.networks.api import Capabilities, Model, Networks, Preset
from synthjax.testing import toy_networks


@dataclass(frozen=True)
class ToyConfig(Config):
    """Sizes of the toy."""

    width: int = field(5, "numbers of a style", ge=1)


def make_networks(
    sizes: ToyConfig, *, resolution: int, channels: int, labels: int
) -> Networks:
    """Makes linear networks."""
    return toy_networks(resolution, channels, labels, sizes.width)


def preset(
    sizes: ToyConfig,
    *,
    resolution: int,
    batch_size: int | None,
    grown_batch_sizes: tuple[int, ...] | None,
) -> Preset[ToyConfig]:
    """Returns what the toy trains with."""
    del resolution, grown_batch_sizes
    return Preset(
        sizes=sizes,
        kimg=0.064,
        batch_size=batch_size or 16,
        loss="hinge",
        label_loss="binary",
        label_weight=0.0,
        generator_learning_rate=0.002,
        discriminator_learning_rate=0.002,
        r1_weight=0.1,
        ema_half_life_kimg=1.0,
        ema_decay=0.0,
        path_weight=0.5,
    )


def capabilities(sizes: ToyConfig) -> Capabilities:
    """Returns what the toy can do."""
    del sizes
    return Capabilities(has_mapping=True)


MODEL = Model(ToyConfig, make_networks, preset, capabilities)
