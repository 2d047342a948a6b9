"""What the publications train with, by model and resolution, where a config is silent.

StyleGAN2: Karras et al. 2020 (arXiv:1912.04958) and 2020b (arXiv:2006.06676, `auto`).
prog_gan and cpd_gan: DuMont Schuette et al. 2021. Above the resolutions published for
one of them (128 px, 512 px) its last numbers go on.
"""

import dataclasses
from typing import Any

from synthjax.core.errors import ConfigError
from synthjax.gan.config import OPEN, GanConfig
from synthjax.gan.monitor.early_stop import EarlyStopConfig
from synthjax.gan.networks.stylegan2 import StyleGAN2Config

R1_HEURISTIC = 0.0002  # times pixels over batch size: 2020b, appendix C
BF16_FROM = 8  # px from which StyleGAN2's blocks are bfloat16, in presets from 256 px
# prog_gan: images per update while it trains at a resolution, px.
PROG_BATCH = {8: 256, 16: 128, 32: 64, 64: 32, 128: 16, 256: 16, 512: 8, 1024: 8}
CPD_BATCH = {256: 192, 512: 96, 1024: 96}  # cpd_gan: images per update; 256 below
# Of the early stop, by resolution, px: kimg before it may, kimg between two looks, and
# looks without improvement that end it.
STOP = {
    32: (7000, 400, 2),
    64: (7000, 320, 2),
    128: (9000, 240, 2),
    256: (6000, 160, 3),
}
STOP_ABOVE = (6000, 80, 3)


def resolve(config: GanConfig, resolution: int) -> GanConfig:
    """The config with every open field filled in; what was set stays.

    A model without a mapping network has no path length to regularise, one without
    label logits no loss on them, and WGAN-GP has its own gradient penalty: their
    weights are 0 then, whatever the config says.

    Raises:
      ConfigError: batch sizes that do not fit the resolutions of a growing network.
    """
    own = {"stylegan2": _stylegan2, "prog_gan": _prog_gan, "cpd_gan": _cpd_gan}
    preset = own[config.model](config, resolution)
    changes = {
        name: value
        for name, value in preset.items()
        if _is_open(name, getattr(config, name))
    }
    early_stop = _early_stop(config.early_stop, resolution)
    resolved = dataclasses.replace(config, **changes, early_stop=early_stop)
    forced: dict[str, Any] = {}
    if resolved.loss == "wgan_gp":
        forced |= {"r1_weight": 0.0, "r2_weight": 0.0}
    if resolved.model == "stylegan2":
        forced["stylegan2"] = _sizes(resolved.stylegan2, resolution)
    else:
        forced |= {"path_weight": 0.0, "style_mixing": 0.0}
    if resolved.model == "cpd_gan":
        forced["label_weight"] = 0.0
    return dataclasses.replace(resolved, **forced)


def _is_open(name: str, value: Any) -> bool:
    return value == (0 if name == "batch_size" else OPEN) or value in ("", ())


def _stylegan2(config: GanConfig, resolution: int) -> dict[str, Any]:
    batch_size = config.batch_size or 32
    rate = 0.0025 if resolution < 1024 else 0.002
    return {
        "kimg": 25000.0,
        "batch_size": batch_size,
        "loss": "logistic",
        "label_loss": "binary",
        "label_weight": 0.2 if config.stylegan2.label_head else 0.0,
        "generator_learning_rate": rate,
        "discriminator_learning_rate": rate,
        "r1_weight": R1_HEURISTIC * resolution**2 / batch_size,
        "path_weight": 2.0,
        "style_mixing": 0.9,
        "ema_half_life_kimg": batch_size * 10 / 32,
        "ema_decay": 0.0,
    }


def _sizes(sizes: StyleGAN2Config, resolution: int) -> StyleGAN2Config:
    base = sizes.channel_base or (16384 if resolution <= 256 else 32768)
    bf16_from = sizes.bf16_from
    if bf16_from < 0:
        bf16_from = BF16_FROM if resolution >= 256 else 0
    return dataclasses.replace(sizes, channel_base=base, bf16_from=bf16_from)


def _published(resolution: int) -> dict[str, Any]:
    """What prog_gan and cpd_gan have in common."""
    return {
        "kimg": {32: 12000.0, 64: 14000.0, 128: 16000.0}.get(resolution, 12000.0),
        "loss": "wgan_gp",
        "label_loss": "softmax",
        "r1_weight": 0.0,
        "path_weight": 0.0,
        "style_mixing": 0.0,
        "ema_half_life_kimg": 10.0,  # not used: the decay is
        "ema_decay": 0.999,
    }


def _prog_gan(config: GanConfig, resolution: int) -> dict[str, Any]:
    first = config.prog_gan.start_resolution
    sides = [2**i for i in range(first.bit_length() - 1, resolution.bit_length())]
    if not sides:
        raise ConfigError(
            f"prog_gan.start_resolution={first}: must be at most the images' "
            f"{resolution} px"
        )
    published = tuple(PROG_BATCH.get(side, PROG_BATCH[8]) for side in sides)
    sizes = config.grown_batch_sizes
    if not sizes:
        sizes = (config.batch_size,) * len(sides) if config.batch_size else published
    if len(sizes) != len(sides) or min(sizes) < 1:
        raise ConfigError(
            f"grown_batch_sizes={sizes}: must be one positive number for each of "
            f"{', '.join(map(str, sides))} px"
        )
    return _published(resolution) | {
        "batch_size": sizes[-1],
        "grown_batch_sizes": sizes,
        "phase_kimg": 1400.0 if resolution == 32 else 1000.0,
        "label_weight": 1.0,
        "generator_learning_rate": 0.001,
        "discriminator_learning_rate": 0.001,
    }


def _cpd_gan(config: GanConfig, resolution: int) -> dict[str, Any]:
    rate = 0.005 if resolution < 512 else 0.006
    return _published(resolution) | {
        "batch_size": CPD_BATCH.get(resolution, 256),
        "label_weight": 0.0,
        "generator_learning_rate": rate,
        "discriminator_learning_rate": rate,
    }


def _early_stop(config: EarlyStopConfig, resolution: int) -> EarlyStopConfig:
    min_kimg, every_kimg, patience = STOP.get(resolution, STOP_ABOVE)
    return dataclasses.replace(
        config,
        min_kimg=min_kimg if config.min_kimg == OPEN else config.min_kimg,
        every_kimg=every_kimg if config.every_kimg == OPEN else config.every_kimg,
        patience=config.patience or patience,
    )
