"""Adaptive discriminator augmentation: the discriminator sees only augmented images.

Karras et al. 2020 (arXiv:2006.06676). Real and synthetic images are augmented alike,
each operation with a probability p below one, so that the generator learns the images
as they are while the discriminator cannot learn a small training set by heart; p
follows a measure of how far it has. Differentiable in the image, twice. The published
image-space filter is left out: its authors found it, like noise and cutout, of little
use.
"""

from dataclasses import dataclass
from functools import partial, reduce

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Key

from synthjax.core import rng
from synthjax.core.config import Config, field
from synthjax.gan.augment.warp import warp

MODES = ("none", "ada", "fixed")

# Each has its place in a sample's random numbers: append, never insert.
OPERATIONS = (
    "flip",
    "rotate90",
    "translate",
    "scale",
    "rotate_before",  # the rotation is split in two, around the stretch
    "stretch",
    "rotate_after",
    "translate_fraction",
    "brightness",
    "contrast",
    "invert",
    "noise",
    "cutout",
)


@dataclass(frozen=True)
class AugmentConfig(Config):
    """What the discriminator's images are put through; an operation of 0 is off.

    The strengths are the published ones (arXiv:2006.06676, appendix B), but for three
    operations that are off. A mirrored chest has its heart on the wrong side, a turned
    one lies across, a negative has black bones, and each is one definite other image:
    at a high p the discriminator sees it nearly as often as the true one, and the
    generator may learn either. (Any other rotation is spread over all angles, among
    which upright stays by far the commonest.) Switch them on for cells or tissue.
    """

    mode: str = field(
        "none", "none, ada (p follows the target) or fixed (p stays)", one_of=MODES
    )
    p: float = field(
        0.0, "probability of each operation: fixed, or the first of ada", ge=0, le=1
    )
    target: float = field(
        0.6, "mean sign of the logits of real images that ada keeps", gt=-1, lt=1
    )
    kimg: float = field(500.0, "time in which ada can move p from 0 to 1, kimg", gt=0)
    every: int = field(4, "updates from one adjustment of p to the next", ge=1)
    flip: float = field(
        0.0, "mirroring left to right: share of p; laterality, so off", ge=0, le=1
    )
    rotate90: float = field(
        0.0, "quarter turns: share of p; posture, so off", ge=0, le=1
    )
    translate: float = field(
        0.125, "whole pixels: largest shift, share of the side", ge=0, le=1
    )
    scale: float = field(0.2, "zoom: standard deviation, powers of two", ge=0, le=2)
    rotate: float = field(
        1.0, "any angle: the largest, share of half a turn", ge=0, le=1
    )
    stretch: float = field(
        0.2, "one axis against the other: standard deviation, powers of two", ge=0, le=2
    )
    translate_fraction: float = field(
        0.125, "any shift: standard deviation, share of the side", ge=0, le=2
    )
    brightness: float = field(
        0.2, "added grey: standard deviation, on the scale -1..1", ge=0, le=2
    )
    contrast: float = field(
        0.5, "factor about mid-grey: standard deviation, powers of two", ge=0, le=2
    )
    invert: float = field(
        0.0, "black for white: share of p; polarity, so off", ge=0, le=1
    )
    noise: float = field(
        0.0,
        "Gaussian noise: standard deviation of its standard deviation, on the scale "
        "-1..1",
        ge=0,
        le=2,
    )
    cutout: float = field(
        0.0, "mid-grey rectangle: its sides, share of the image's", ge=0, le=1
    )


def augment(
    image: Float[Array, "b h w c"],
    keys: Key[Array, " b"],
    p: Float[Array, ""],
    config: AugmentConfig,
) -> Float[Array, "b h w c"]:
    """Augments each image at random, by its own key alone.

    Args:
      image: float32, -1..1, sides of 2 pixels or more, any number of channels; the
        result may leave the range and is not clipped, as published.
      keys: one per image, other ones for real than for synthetic images.
      p: probability of each operation, in [0, 1]; may be traced.
      config: strengths; in mode "none" the image is given back.

    Returns:
      Images, float32. What no operation touched is the input, to the bit: everything
      at p = 0.
    """
    if config.mode == "none":
        return image
    height, width = image.shape[1:3]
    draws = jax.vmap(lambda key: _draw(key, p, config))(keys)
    if _moves(config):
        inverse = jax.vmap(lambda d: _inverse(d, config, height, width))(draws)
        image = warp(image, inverse)
    recolour = jax.vmap(lambda x, key, draw: _recolour(x, key, draw, config))
    return recolour(image, keys, draws)


@struct.dataclass
class _Draws:
    """Random numbers of a sample, or of a batch: a row for each of OPERATIONS."""

    on: Bool[Array, "*b o"]
    uniform: Float[Array, "*b o 2"]  # in [0, 1)
    normal: Float[Array, "*b o 2"]

    def of(self, name: str) -> tuple[Array, Array, Array]:
        row = OPERATIONS.index(name)
        return self.on[row], self.uniform[row], self.normal[row]


def _draw(key: Key[Array, ""], p: Float[Array, ""], config: AugmentConfig) -> _Draws:
    """Takes all from one draw of uniform numbers, which compiles far faster."""
    rotate = 1 - jnp.sqrt(1 - p)  # the two leave the image alone at 1 - p, together
    share = {
        "flip": p * config.flip,
        "rotate90": p * config.rotate90,
        "rotate_before": rotate,
        "rotate_after": rotate,
        "invert": p * config.invert,
    }
    probability = jnp.stack([share.get(name, p) for name in OPERATIONS])
    shape = (len(OPERATIONS), 5)
    number = jax.random.uniform(rng.key(key, "augment"), shape, jnp.float32)
    # The inverse of the normal distribution function, kept away from minus infinity.
    signed = jnp.maximum(2 * number[:, 3:] - 1, -1 + 2.0**-23)
    return _Draws(
        on=number[:, 0] < probability,
        uniform=number[:, 1:3],
        normal=jnp.sqrt(2.0).astype(jnp.float32) * jax.lax.erf_inv(signed),
    )


def _moves(config: AugmentConfig) -> bool:
    names = "flip rotate90 translate scale rotate stretch translate_fraction"
    return any(getattr(config, name) for name in names.split())


def _matrix(rows: list[list[Array | float]]) -> Float[Array, "3 3"]:
    return jnp.stack(
        [jnp.stack([jnp.asarray(v, jnp.float32) for v in r]) for r in rows]
    )


def _scaling(row: Array, column: Array) -> Float[Array, "3 3"]:
    return _matrix([[row, 0, 0], [0, column, 0], [0, 0, 1]])


def _shift(shift: Float[Array, "2"]) -> Float[Array, "3 3"]:
    return _matrix([[1, 0, shift[0]], [0, 1, shift[1]], [0, 0, 1]])


def _turn(cosine: Array, sine: Array) -> Float[Array, "3 3"]:
    return _matrix([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]])


def _inverse(
    draws: _Draws, config: AugmentConfig, height: int, width: int
) -> Float[Array, "3 3"]:
    """Returns one matrix for all geometry: output to input, as (row, column, 1) from
    the centre.

    The operations in the published order (appendix B), each inverted: the first
    applied to the image is the last applied to a position.
    """
    size = jnp.asarray([height, width], jnp.float32)
    quarter = jnp.asarray([0, 1, 0, -1], jnp.float32)  # sine; exact, unlike jnp.sin

    def inverse_of(name: str) -> Array:
        on, uniform, normal = draws.of(name)
        match name:
            case "flip":  # a fair choice between the image and its mirror image
                side = jnp.where(uniform[0] < 0.5, 1.0, -1.0)
                matrix = _scaling(jnp.float32(1), side)
            case "rotate90":  # a fair choice between none and three quarter turns
                turns = jnp.floor(uniform[0] * 4).astype(jnp.int32)
                matrix = _turn(quarter[(turns + 1) % 4], quarter[turns])
            case "translate":
                matrix = _shift(-jnp.round((2 * uniform - 1) * config.translate * size))
            case "scale":
                factor = jnp.exp2(-config.scale * normal[0])
                matrix = _scaling(factor, factor)
            case "stretch":
                factor = jnp.exp2(-config.stretch * normal[0])
                matrix = _scaling(1 / factor, factor)
            case "rotate_before" | "rotate_after":
                angle = (2 * uniform[0] - 1) * jnp.pi * config.rotate
                matrix = _turn(jnp.cos(angle), jnp.sin(angle))
            case _:
                matrix = _shift(-normal * config.translate_fraction * size)
        return jnp.where(on, matrix, jnp.eye(3, dtype=jnp.float32))

    geometry = OPERATIONS[: OPERATIONS.index("brightness")]
    product = partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)
    return reduce(product, map(inverse_of, geometry))


def _recolour(
    image: Float[Array, "h w c"],
    key: Key[Array, ""],
    draws: _Draws,
    config: AugmentConfig,
) -> Float[Array, "h w c"]:
    """Changes grey values, adds noise and cuts out, in the published order."""
    if config.brightness:
        on, _, normal = draws.of("brightness")
        image = jnp.where(on, image + config.brightness * normal[0], image)
    if config.contrast:
        on, _, normal = draws.of("contrast")
        image = jnp.where(on, image * jnp.exp2(config.contrast * normal[0]), image)
    if config.invert:  # the mean over the channels, whose hue stays
        on, uniform, _ = draws.of("invert")
        inverted = image - 2 * jnp.mean(image, axis=-1, keepdims=True)
        image = jnp.where(on & (uniform[0] < 0.5), inverted, image)
    if config.noise:
        on, _, normal = draws.of("noise")
        field = jax.random.normal(
            rng.key(key, "augment noise"), image.shape, jnp.float32
        )
        level = config.noise * jnp.abs(normal[0])
        image = jnp.where(on, image + level * field, image)
    if config.cutout:
        on, centre, _ = draws.of("cutout")
        inside = jnp.asarray(True)
        for axis in (0, 1):
            side = image.shape[axis]
            place = (jnp.arange(side, dtype=jnp.float32) + 0.5) / side
            near = jnp.abs(place - centre[axis]) < config.cutout / 2
            inside = inside & (near[:, None] if axis == 0 else near)
        image = jnp.where(on & inside[..., None], 0.0, image)
    return image
