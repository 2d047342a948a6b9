"""Sizes and options of StyleGAN2, and what its publications train with."""

import dataclasses
from dataclasses import dataclass

import jax.numpy as jnp
from jax.typing import DTypeLike

from synthjax.core.config import Config, field
from synthjax.core.errors import ConfigError
from synthjax.gan.networks.api import Capabilities, Preset

CONDITIONINGS = ("projection", "selected", "none")
R1_HEURISTIC = 0.0002  # times pixels over batch size: arXiv:2006.06676, appendix C
BF16_FROM = 8  # px from which blocks are bfloat16, in presets from 256 px


@dataclass(frozen=True)
class StyleGAN2Config(Config):
    """Sizes of both networks; a layer at r px has min(base / r, max) channels."""

    z_size: int = field(512, "latent numbers per image", ge=1)
    w_size: int = field(512, "numbers of the intermediate latent", ge=1)
    mapping_layers: int = field(8, "layers of the mapping network", ge=1)
    label_size: int = field(512, "numbers of the generator's label embedding", ge=1)
    channel_base: int | None = field(
        None,
        "channels times resolution (px) of a layer, up to channel_max",
        ge=1,
        formerly=(0,),
    )
    channel_max: int = field(512, "most channels of a layer", ge=1)
    mbstd_group: int = field(
        4, "images per minibatch standard deviation group; 1 is off", ge=1
    )
    conv_clamp: float = field(
        0.0, "limit of every activation's magnitude; 0 is none", ge=0
    )
    noise: bool = field(True, "per-pixel noise inputs in the generator")
    conditioning: str = field(
        "projection",
        "how the label enters the discriminator's logit",
        one_of=CONDITIONINGS,
    )
    label_head: bool = field(
        True, "a logit for each label from the discriminator's trunk"
    )
    bf16_from: int | None = field(
        None,
        "resolution (px) from which blocks compute in bfloat16; 0 is never",
        ge=0,
        formerly=(-1,),
    )
    remat_from: int = field(
        0,
        "resolution (px) from which the backward pass computes activations again "
        "instead of keeping them; 0 is never",
        ge=0,
    )

    def channels(self, resolution: int) -> int:
        """Returns the feature channels of the layers at `resolution` px.

        Raises:
          ConfigError: the preset was not filled in.
        """
        if self.channel_base is None:
            raise ConfigError("channel_base=None: must be filled in by gan/presets.py")
        return max(1, min(self.channel_base // resolution, self.channel_max))

    def dtype(self, resolution: int) -> DTypeLike:
        """Returns the dtype in which the blocks at `resolution` px compute."""
        low = 0 < (self.bf16_from or 0) <= resolution
        return jnp.bfloat16 if low else jnp.float32

    def uses_remat(self, resolution: int) -> bool:
        """Returns whether blocks at `resolution` px are computed again backwards."""
        return 0 < self.remat_from <= resolution


def capabilities(config: StyleGAN2Config) -> Capabilities:
    """Returns what the networks of a config can do."""
    return Capabilities(
        has_mapping=True,
        has_label_head=config.label_head,
        has_conditional_logit=config.conditioning != "none",
        mbstd_group=config.mbstd_group,
        bf16_from=config.bf16_from or 0,
        label_axes={
            "label/weight": (0, True),
            "selected/weight": (-1, True),
            "selected/bias": (-1, True),
            "label_logits/weight": (-1, False),
            "label_logits/bias": (-1, False),
        },
    )


def preset(
    config: StyleGAN2Config,
    *,
    resolution: int,
    batch_size: int | None,
    grown_batch_sizes: tuple[int, ...] | None,
) -> Preset[StyleGAN2Config]:
    """Returns what StyleGAN2 trains with at a resolution.

    Karras et al. 2020 (arXiv:1912.04958) and 2020b (arXiv:2006.06676, `auto`).
    """
    del grown_batch_sizes  # it does not grow
    batch_size = batch_size or 32
    rate = 0.0025 if resolution < 1024 else 0.002
    base = config.channel_base or (16384 if resolution <= 256 else 32768)
    bf16_from = config.bf16_from
    if bf16_from is None:
        bf16_from = BF16_FROM if resolution >= 256 else 0
    return Preset(
        sizes=dataclasses.replace(config, channel_base=base, bf16_from=bf16_from),
        kimg=25000.0,
        batch_size=batch_size,
        loss="logistic",
        label_loss="binary",
        label_weight=0.2 if config.label_head else 0.0,
        generator_learning_rate=rate,
        discriminator_learning_rate=rate,
        r1_weight=R1_HEURISTIC * resolution**2 / batch_size,
        path_weight=2.0,
        style_mixing=0.9,
        ema_half_life_kimg=batch_size * 10 / 32,
        ema_decay=0.0,
    )
