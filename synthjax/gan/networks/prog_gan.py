"""The growing GAN with label logits: a discriminator that also names the findings.

Karras et al. 2018 (arXiv:1710.10196), table 2 and appendix A, with the labels beside
the latents at the generator's entry and one output per label beside the critic's score
(Odena et al. 2017, arXiv:1610.09585), as compared for medical images by DuMont Schütte
et al. 2021 (doi:10.1038/s41746-021-00507-3). The discriminator is not shown labels.

The parameter trees hold every level from the start; `Networks.at_resolution` uses them at a lower
resolution, with the newest level faded in.
"""

import dataclasses
from dataclasses import dataclass

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from synthjax.core.config import field
from synthjax.core.errors import ConfigError
from synthjax.gan.networks.api import Capabilities, Model, Networks, Params, Preset
from synthjax.gan.networks.convolution import mean_down, nearest_up
from synthjax.gan.networks.equalized import (
    Conv,
    Conv1x1,
    Dense,
    DiscriminatorHead,
    FromRGB,
    InitialDense,
    PublishedConfig,
    conditions,
    make_initializer,
    pixel_norm,
    published_preset,
)
from synthjax.gan.networks.layers import ROOT2, apply
from synthjax.gan.networks.resolutions import check_resolution, resolutions

# Images per update while it trains at a resolution, px.
BATCH = {8: 256, 16: 128, 32: 64, 64: 32, 128: 16, 256: 16, 512: 8, 1024: 8}


@dataclass(frozen=True)
class ProgGanConfig(PublishedConfig):
    """Sizes of both networks, and where the growth begins."""

    channel_base: int = field(
        8192,
        "half of channels times resolution (px) of a layer, up to channel_max",
        ge=1,
    )
    start_resolution: int = field(8, "resolution (px) at which the growth begins", ge=4)

    def check(self) -> None:
        """Raises ConfigError unless the growth begins at a power of two."""
        start = self.start_resolution
        if start & (start - 1):
            raise ConfigError(
                f"start_resolution={start}: must be a power of two of at least 4 px"
            )


def capabilities(config: ProgGanConfig) -> Capabilities:
    """Returns what the networks of a config can do."""
    return config.capabilities(has_label_head=True, has_conditional_logit=False)


def preset(
    config: ProgGanConfig,
    *,
    resolution: int,
    batch_size: int | None,
    grown_batch_sizes: tuple[int, ...] | None,
) -> Preset[ProgGanConfig]:
    """Returns what the publication trains with at a resolution.

    Raises:
      ConfigError: batch sizes that do not fit the resolutions that it grows through.
    """
    first = config.start_resolution
    sides = [2**i for i in range(first.bit_length() - 1, resolution.bit_length())]
    if not sides:
        raise ConfigError(
            f"config.gan.prog_gan.start_resolution={first}: must be at most the "
            f"images' {resolution} px"
        )
    sizes = grown_batch_sizes
    if sizes is None:
        published = tuple(BATCH.get(side, BATCH[8]) for side in sides)
        sizes = (batch_size,) * len(sides) if batch_size else published
    if len(sizes) != len(sides):
        raise ConfigError(
            f"config.gan.grown_batch_sizes={sizes}: must be one positive number for "
            f"each of {', '.join(map(str, sides))} px"
        )
    common = published_preset(
        config,
        resolution,
        batch_size=sizes[-1],
        learning_rate=0.001,
        label_weight=1.0,
    )
    phase_kimg = 1400.0 if resolution == 32 else 1000.0
    return dataclasses.replace(common, grown_batch_sizes=sizes, phase_kimg=phase_kimg)


def fade_in(before: Array, after: Array, fade: Float[Array, ""]) -> Array:
    """Goes from `before` at fade 0 to `after` at fade 1, exact at both ends."""
    fade = jnp.asarray(fade).astype(after.dtype)
    return (1 - fade) * before + fade * after


class Generator(nn.Module):
    """Normalised latents and labels to an image of any level's resolution."""

    config: ProgGanConfig
    channels: int

    @nn.compact
    def __call__(
        self, w: Float[Array, "b style"], resolution: int, fade: Float[Array, ""] | None
    ) -> Float[Array, "b h w c"]:
        config, images = self.config, {}
        shown = {resolution} if fade is None else {resolution // 2, resolution}
        x = InitialDense(config.channels(4), ROOT2 / 4, name="first")(w)
        for side in resolutions(resolution):
            features = config.channels(side)
            x = x.astype(config.dtype(side))
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
            x = x.astype(config.dtype(side))
            features, half = config.channels(side), config.channels(side // 2)
            x = Conv(features, ROOT2, name=f"conv{side}")(x)
            x = Conv(half, ROOT2, down=True, name=f"conv{side}_down")(x)
            newest = fade is not None and side == resolution
            if newest or self.is_initializing():
                image = mean_down(image)
                before = self._from_image(image, side // 2)
                x = x if fade is None else fade_in(before.astype(x.dtype), x, fade)
        sizes = config.channels(4), config.channels(2)
        x = DiscriminatorHead(*sizes, ROOT2, config.mbstd_group, name="features")(x)
        outputs = Dense(1 + self.labels, name="outputs")(x)
        return outputs[:, 0], outputs[:, 1:]

    def _from_image(self, image: Array, side: int) -> Array:
        features = self.config.channels(side)
        image = image.astype(self.config.dtype(side))
        return FromRGB(features, ROOT2, name=f"image{side}")(image)


def make_networks(
    config: ProgGanConfig, *, resolution: int, channels: int, labels: int
) -> Networks:
    """Makes both networks as pure functions, fully grown; nothing is computed yet.

    `at_resolution(side, fade)` of the result gives networks on the same parameter trees whose
    images have `side` px, a power of two from the start resolution to `resolution`;
    the newest level counts `fade` (a float32 scalar in 0..1, may be traced; None or
    at the start resolution: fully). It raises ConfigError for another `side`.

    `map` gives what enters the generator; there is no mapping network. Unknown (NaN)
    labels count as absent. `discriminate` ignores the label.

    Raises:
      ConfigError: `resolution` is not a power of two of at least 8 px, or is below the
        config's start resolution.
    """
    check_resolution(resolution)
    if resolution < config.start_resolution:
        raise ConfigError(
            f"start_resolution={config.start_resolution}: must be at most the "
            f"images' {resolution} px"
        )
    generator = Generator(config, channels)
    discriminator = Discriminator(config, labels)

    w_size = config.z_size + labels
    image = (config.mbstd_group, resolution, resolution, channels)
    grown = {"resolution": resolution, "fade": None}

    def at_resolution(side: int, fade: Array | None) -> Networks:
        if side not in resolutions(resolution) or side < config.start_resolution:
            raise ConfigError(
                f"resolution={side}: must be a power of two from "
                f"{config.start_resolution} to {resolution} px"
            )
        if side == config.start_resolution:
            fade = None

        def synthesize(params: Params, ws: Array, noise: tuple[Array, ...]) -> Array:
            del noise  # this generator has no noise inputs
            return apply(generator, params, ws[:, 0], side, fade)

        def with_labels(
            params: Params, image: Array, label: Array
        ) -> tuple[Array, Array]:
            del label
            return apply(discriminator, params, image, side, fade)

        return Networks(
            resolution=side,
            channels=channels,
            labels=labels,
            z_size=config.z_size,
            w_size=w_size,
            num_ws=1,
            noise_shapes=(),
            init_generator=make_initializer(generator, (1, w_size), **grown),
            init_discriminator=make_initializer(discriminator, image, **grown),
            map=lambda params, z, label: pixel_norm(conditions(z, label)),
            synthesize=synthesize,
            discriminate=lambda *arguments: with_labels(*arguments)[0],
            discriminate_with_labels=with_labels if labels else None,
            at_resolution=at_resolution,
        )

    return at_resolution(resolution, None)


MODEL = Model(ProgGanConfig, make_networks, preset, capabilities)
