"""Sizes and options of StyleGAN2."""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from synthjax.core.errors import ConfigError

CONDITIONINGS = ("projection", "selected", "none")


@dataclass(frozen=True)
class StyleGAN2Config:
    """Sizes of both networks; a layer at r px has min(base / r, max) channels.

    What is "preset" is filled in by gan/presets.py and has no meaning to a network.
    """

    z_size: int = 512  # latent numbers per image
    w_size: int = 512  # numbers of the intermediate latent
    mapping_layers: int = 8  # of the mapping network
    label_size: int = 512  # numbers of the generator's label embedding
    channel_base: int = 0  # channels times resolution, up to channel_max; 0: preset
    channel_max: int = 512  # most channels of a layer
    mbstd_group: int = 4  # images per minibatch standard deviation group; 1 = off
    conv_clamp: float = 0.0  # limit of every activation's magnitude; 0 = none
    noise: bool = True  # per-pixel noise inputs in the generator
    conditioning: str = "projection"  # label in D's logit: one of CONDITIONINGS
    label_head: bool = True  # per-label logits from the discriminator's trunk
    bf16_from: int = -1  # px from which blocks are bfloat16; 0 = never; -1: preset
    remat_from: int = 0  # px from which the backward pass recomputes blocks; 0 = never

    def __post_init__(self):
        """Check the ranges; raises ConfigError."""
        for name in ("z_size", "w_size", "mapping_layers", "label_size"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        for name in ("channel_max", "mbstd_group"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        for name in ("channel_base", "conv_clamp", "remat_from"):
            _require(getattr(self, name) >= 0, name, getattr(self, name), ">= 0")
        _require(self.bf16_from >= -1, "bf16_from", self.bf16_from, "-1 or more")
        known = self.conditioning in CONDITIONINGS
        allowed = f"one of {', '.join(CONDITIONINGS)}"
        _require(known, "conditioning", self.conditioning, allowed)

    def dtype(self, resolution: int) -> Any:
        """Dtype in which the blocks at `resolution` px compute."""
        low = 0 < self.bf16_from <= resolution
        return jnp.bfloat16 if low else jnp.float32

    def uses_remat(self, resolution: int) -> bool:
        """Whether the backward pass recomputes the blocks at `resolution` px."""
        return 0 < self.remat_from <= resolution


def _require(condition: bool, name: str, value: Any, allowed: str) -> None:
    if not condition:
        raise ConfigError(f"{name}={value}: must be {allowed}")


def channels_at(config: StyleGAN2Config, resolution: int) -> int:
    """Feature channels of the layers at `resolution` px.

    Raises ConfigError if the preset was not filled in.
    """
    _require(config.channel_base > 0, "channel_base", 0, "resolved by gan/presets.py")
    return max(1, min(config.channel_base // resolution, config.channel_max))


def resolutions(resolution: int) -> list[int]:
    """Sides of the blocks: 4, 8, ... up to `resolution`."""
    return [2**i for i in range(2, resolution.bit_length())]
