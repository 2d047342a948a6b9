"""Toys for tests, of this project and of extensions of it.

A linear GAN that compiles in a moment, for what is not the networks, and a set of noise
for it. Nothing but tests imports this.
"""

import dataclasses
from pathlib import Path
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from synthjax.core import rng
from synthjax.data.schema import Record, Schema
from synthjax.data.store.write import write_set
from synthjax.gan.config import GanConfig, ResolvedConfig
from synthjax.gan.models import MODELS
from synthjax.gan.networks.api import Networks, Params
from synthjax.gan.networks.stylegan2_config import StyleGAN2Config
from synthjax.gan.presets import resolve

RESOLUTION, CHANNELS, LABELS = 8, 1, 3
Z, W = 6, 5
COMBINATIONS = np.array([[0, 0, 1], [1, 0, 0], [1, 1, 0], [0, 0, 1]], np.float32)


def _matrix(key: Array, name: str, inputs: int, outputs: int) -> Array:
    scale = inputs**-0.5
    return scale * jax.random.normal(rng.key(key, name), (inputs, outputs), jnp.float32)


def toy_networks(
    resolution: int = RESOLUTION,
    channels: int = CHANNELS,
    labels: int = LABELS,
    width: int = W,
) -> Networks:
    """Makes linear networks with `width` styles; they compile in a moment."""
    pixels = resolution * resolution * channels

    def init_generator(key: Array) -> Params:
        return {
            "map": {"kernel": _matrix(key, "map", Z + labels, width)},
            "image": {"kernel": _matrix(key, "image", width, pixels)},
        }

    def init_discriminator(key: Array) -> Params:
        return {
            "hidden": {"kernel": _matrix(key, "hidden", pixels + labels, 16)},
            "logit": {"kernel": _matrix(key, "logit", 16, 1)},
        }

    def map_latents(params: Params, z: Array, label: Array) -> Array:
        both = jnp.concatenate([z, jnp.nan_to_num(label)], axis=1)
        return jnp.tanh(both @ params["map"]["kernel"])

    def synthesize(params: Params, ws: Array, noise: tuple[Array, ...]) -> Array:
        flat = ws.mean(axis=1) @ params["image"]["kernel"]
        image = flat.reshape(-1, resolution, resolution, channels)
        return image + 0.1 * noise[0] + 0.1 * noise[1]

    def discriminate(params: Params, image: Array, label: Array) -> Array:
        flat = image.reshape(image.shape[0], -1)
        both = jnp.concatenate([flat, jnp.nan_to_num(label)], axis=1)
        hidden = jnp.tanh(both @ params["hidden"]["kernel"])
        return (hidden @ params["logit"]["kernel"])[:, 0]

    return Networks(
        resolution=resolution,
        channels=channels,
        labels=labels,
        z_size=Z,
        w_size=width,
        num_ws=2,
        noise_shapes=((resolution, resolution, 1),) * 2,
        init_generator=init_generator,
        init_discriminator=init_discriminator,
        map=map_latents,
        synthesize=synthesize,
        discriminate=discriminate,
    )


def make_toy(
    sizes: StyleGAN2Config, *, resolution: int, channels: int, labels: int
) -> Networks:
    """Makes the toy in StyleGAN2's place; its width follows a key of the config."""
    return toy_networks(resolution, channels, labels, min(sizes.w_size, 16))


# An entry of the table of models that takes StyleGAN2's place.
TOY_STYLEGAN2 = dataclasses.replace(MODELS["stylegan2"], make=make_toy)


def toy_config(**changes: Any) -> ResolvedConfig:
    """Returns a config of a short run of the toy, resolved, with changes."""
    settings = {
        "batch_size": 16,
        "kimg": 0.32,
        "tick_kimg": 0.064,
        "grid_kimg": 0.16,
        "checkpoint_kimg": 0.16,
        "generator_learning_rate": 0.0025,
        "discriminator_learning_rate": 0.0025,
        "r1_weight": 0.1,
        "r1_every": 4,
        "path_weight": 0.0,
        "style_mixing": 0.0,
        "grid_rows": 2,
        "indicators": False,
    }
    return resolve(GanConfig(**(settings | changes)), RESOLUTION)


def toy_batch(seed: int = 0, count: int = 16) -> dict[str, np.ndarray]:
    """Draws a batch of noise with labels, on the host."""
    random = np.random.default_rng(seed)
    shape = (count, RESOLUTION, RESOLUTION, CHANNELS)
    return {
        "pixels": random.integers(0, 256, shape, dtype=np.uint8),
        "label": COMBINATIONS[random.integers(0, 4, count)],
    }


def write_toy_data(directory: Path, count: int = 48) -> Path:
    """Writes a data directory of noise whose mean grey follows the first label."""
    random = np.random.default_rng(7)

    def record(index: int) -> Record:
        label = COMBINATIONS[index % 4]
        grey = 60 + 100 * label[0] + random.integers(0, 60, (RESOLUTION, RESOLUTION, 1))
        return Record(
            id=f"image-{index:04d}",
            pixels=grey.astype(np.uint8),
            label=label,
            patient_id=f"patient-{index:04d}",
            study_id="",
            age=float("nan"),
            sex="",
            view="",
            origin="",
        )

    schema = Schema("toy", ("a", "b", "c"), RESOLUTION, CHANNELS)
    splits: dict[str, list[Record]] = {"train": [], "valid": [], "test": []}
    for index in range(count + 8):
        name = "train" if index < count else ("valid", "test")[index % 2]
        splits[name].append(record(index))
    write_set(directory, schema, splits, None)
    return directory


class StopAfter:
    """Stands in for signals.deferred: a SIGTERM that arrives at the n-th look."""

    def __init__(self, looks: int) -> None:
        self.left = looks

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None: ...

    @property
    def requested(self) -> bool:
        self.left -= 1
        return self.left < 0
