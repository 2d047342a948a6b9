"""The growing GAN with label logits: a discriminator that also names the findings.

Karras et al. 2018 (arXiv:1710.10196), table 2 and appendix A, with the labels beside
the latents at the generator's entry and one output per label beside the critic's score
(Odena et al. 2017, arXiv:1610.09585), as compared for medical images by DuMont Schütte
et al. 2021 (doi:10.1038/s41746-021-00507-3). The discriminator is not shown labels.

The parameter trees hold every level from the start; `Networks.at_resolution` uses them at a lower
resolution, with the newest level faded in.
"""

from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from synthjax.core.errors import ConfigError
from synthjax.gan.networks.api import Networks, Params
from synthjax.gan.networks.convolution import mean_down, nearest_up
from synthjax.gan.networks.equalized import (
    ROOT2,
    Conv,
    Conv1x1,
    Dense,
    DiscriminatorHead,
    FromRGB,
    InitialDense,
    check_least,
    check_resolution,
    conditions,
    draw_params,
    pixel_norm,
    resolutions,
)


@dataclass(frozen=True)
class ProgGanConfig:
    """Sizes of both networks; a layer at r px has min(2 base / r, max) channels."""

    z_size: int = 512  # latent numbers per image
    channel_base: int = 8192  # half of channels times resolution, up to channel_max
    channel_max: int = 512  # most channels of a layer
    mbstd_group: int = 4  # images per minibatch standard deviation group; 1 = off
    start_resolution: int = 8  # px at which the growth begins
    bf16_from: int = 0  # px from which blocks compute in bfloat16; 0 = never

    def __post_init__(self):
        """Check the ranges; raises ConfigError."""
        check_least(self, 1, "z_size", "channel_base", "channel_max", "mbstd_group")
        check_least(self, 0, "bf16_from")
        start = self.start_resolution
        if start < 4 or start & (start - 1):
            raise ConfigError(
                f"start_resolution={start}: must be a power of two of at least 4 px"
            )


def channels_at(config: ProgGanConfig, resolution: int) -> int:
    """Feature channels of the layers at `resolution` px."""
    return max(1, min(2 * config.channel_base // resolution, config.channel_max))


def _dtype(config: ProgGanConfig, resolution: int) -> Any:
    low = config.bf16_from and resolution >= config.bf16_from
    return jnp.bfloat16 if low else jnp.float32


def fade_in(before: Array, after: Array, fade: Float[Array, ""]) -> Array:
    """From `before` at fade 0 to `after` at fade 1, exact at both ends."""
    fade = jnp.asarray(fade).astype(after.dtype)
    return (1 - fade) * before + fade * after


class Generator(nn.Module):
    """Normalised latents and labels to an image of any level's resolution."""

    config: ProgGanConfig
    channels: int

    @nn.compact
    def __call__(
        self, w: Float[Array, "b w"], resolution: int, fade: Float[Array, ""] | None
    ) -> Float[Array, "b h w c"]:
        config, images = self.config, {}
        shown = {resolution} if fade is None else {resolution // 2, resolution}
        x = InitialDense(channels_at(config, 4), ROOT2 / 4, name="first")(w)
        for side in resolutions(resolution):
            features = channels_at(config, side)
            x = x.astype(_dtype(config, side))
            if side == 4:
                x = pixel_norm(x)
            else:
                x = Conv(features, ROOT2, up=True, name=f"conv{side}_up")(x)
                x = pixel_norm(x)
            x = pixel_norm(Conv(features, ROOT2, name=f"conv{side}")(x))
            if side in shown or self.is_initializing():
                to_image = Conv1x1(self.channels, name=f"image{side}")
                images[side] = to_image(x.astype(jnp.float32))
        if fade is None:
            return images[resolution]
        return fade_in(nearest_up(images[resolution // 2]), images[resolution], fade)


class Discriminator(nn.Module):
    """Image of any level's resolution to the critic's score and the label logits."""

    config: ProgGanConfig
    labels: int

    @nn.compact
    def __call__(
        self,
        image: Float[Array, "b h w c"],
        resolution: int,
        fade: Float[Array, ""] | None,
    ) -> tuple[Float[Array, " b"], Float[Array, "b y"]]:
        config = self.config
        x = self._from_image(image, resolution)
        for side in reversed(resolutions(resolution)[1:]):
            x = x.astype(_dtype(config, side))
            features, half = channels_at(config, side), channels_at(config, side // 2)
            x = Conv(features, ROOT2, name=f"conv{side}")(x)
            x = Conv(half, ROOT2, down=True, name=f"conv{side}_down")(x)
            newest = fade is not None and side == resolution
            if newest or self.is_initializing():
                image = mean_down(image)
                before = self._from_image(image, side // 2)
                x = x if fade is None else fade_in(before.astype(x.dtype), x, fade)
        sizes = channels_at(config, 4), channels_at(config, 2)
        x = DiscriminatorHead(*sizes, ROOT2, config.mbstd_group, name="features")(x)
        outputs = Dense(1 + self.labels, name="outputs")(x)
        return outputs[:, 0], outputs[:, 1:]

    def _from_image(self, image: Array, side: int) -> Array:
        features = channels_at(self.config, side)
        image = image.astype(_dtype(self.config, side))
        return FromRGB(features, ROOT2, name=f"image{side}")(image)


def make_networks(
    config: ProgGanConfig, *, resolution: int, channels: int, labels: int
) -> Networks:
    """Both networks as pure functions, fully grown; nothing is computed yet.

    `at_resolution(side, fade)` of the result gives networks on the same parameter trees whose
    images have `side` px, a power of two from the start resolution to `resolution`;
    the newest level counts `fade` (a float32 scalar in 0..1, may be traced; None or
    at the start resolution: fully). It raises ConfigError for another `side`.

    `map` gives what enters the generator; there is no mapping network. Unknown (NaN)
    labels count as absent. `discriminate` ignores the label.

    Raises ConfigError if `resolution` is no power of two of at least 8 px, or below
    the config's start resolution.
    """
    check_resolution(resolution)
    if resolution < config.start_resolution:
        raise ConfigError(
            f"start_resolution={config.start_resolution}: must be at most the "
            f"images' {resolution} px"
        )
    generator = Generator(config, channels)
    discriminator = Discriminator(config, labels)

    @jax.jit
    def init_generator(key: Array) -> Params:
        w = jnp.zeros((1, config.z_size + labels), jnp.float32)
        return draw_params(lambda key: generator.init(key, w, resolution, None), key)

    @jax.jit
    def init_discriminator(key: Array) -> Params:
        shape = (config.mbstd_group, resolution, resolution, channels)
        image = jnp.zeros(shape, jnp.float32)
        return draw_params(
            lambda key: discriminator.init(key, image, resolution, None), key
        )

    def at_resolution(side: int, fade: Array | None) -> Networks:
        if side not in resolutions(resolution) or side < config.start_resolution:
            raise ConfigError(
                f"resolution={side}: must be a power of two from "
                f"{config.start_resolution} to {resolution} px"
            )
        if side == config.start_resolution:
            fade = None

        def synthesize(params: Params, ws: Array, noise: tuple[Array, ...]) -> Any:
            del noise  # this generator has no noise inputs
            return generator.apply({"params": params}, ws[:, 0], side, fade)

        def with_labels(params: Params, image: Array, label: Array):
            del label
            return discriminator.apply({"params": params}, image, side, fade)

        return Networks(
            resolution=side,
            channels=channels,
            labels=labels,
            z_size=config.z_size,
            w_size=config.z_size + labels,
            num_ws=1,
            noise_shapes=(),
            init_generator=init_generator,
            init_discriminator=init_discriminator,
            map=lambda params, z, label: pixel_norm(conditions(z, label)),
            synthesize=synthesize,
            discriminate=lambda *arguments: with_labels(*arguments)[0],
            discriminate_with_labels=with_labels if labels else None,
            at_resolution=at_resolution,
        )

    return at_resolution(resolution, None)
