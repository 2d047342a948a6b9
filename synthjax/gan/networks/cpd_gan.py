"""The GAN with conditional pixel norm and a label-selected discriminator output.

The better of the two generators that DuMont Schütte et al. 2021
(doi:10.1038/s41746-021-00507-3) compared for medical images: skip generator and
residual discriminator (Karras et al. 2020, arXiv:1912.04958, section 4.1), in the
generator every layer's pixel norm scaled and shifted by latents and labels, in the
discriminator one output per label and the sum of those that are present as the score
(Mescheder et al. 2018, arXiv:1801.04406). So an image without any label scores 0.
"""

from dataclasses import dataclass

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from synthjax.gan.networks.api import Capabilities, Model, Networks, Params, Preset
from synthjax.gan.networks.convolution import nearest_up
from synthjax.gan.networks.equalized import (
    ConditionalPixelNorm,
    Conv,
    Conv1x1,
    Dense,
    DiscriminatorHead,
    FromRGB,
    InitialDense,
    PublishedConfig,
    Skip,
    conditions,
    make_initializer,
    pixel_norm,
    published_preset,
)
from synthjax.gan.networks.layers import ROOT2, apply
from synthjax.gan.networks.resolutions import check_resolution, resolutions

BATCH = {256: 192, 512: 96, 1024: 96}  # resolution, px -> images per update; 256 below


@dataclass(frozen=True)
class CpdGanConfig(PublishedConfig):
    """Sizes of both networks."""


def capabilities(config: CpdGanConfig) -> Capabilities:
    """Returns what the networks of a config can do."""
    return config.capabilities(has_label_head=False, has_conditional_logit=True)


def preset(
    config: CpdGanConfig,
    *,
    resolution: int,
    batch_size: int | None,
    grown_batch_sizes: tuple[int, ...] | None,
) -> Preset[CpdGanConfig]:
    """Returns what the publication trains with at a resolution."""
    del batch_size, grown_batch_sizes  # nothing follows from them
    return published_preset(
        config,
        resolution,
        batch_size=BATCH.get(resolution, 256),
        learning_rate=0.005 if resolution < 512 else 0.006,
        label_weight=0.0,
    )


class Generator(nn.Module):
    """Latents and labels, un-normalised, to an image."""

    config: CpdGanConfig
    resolution: int
    channels: int

    @nn.compact
    def __call__(self, w: Float[Array, "b style"]) -> Float[Array, "b h w c"]:
        config, image = self.config, None

        def norm(x: Array, name: str) -> Array:
            return ConditionalPixelNorm(name=f"norm{name}")(x, w)

        x = InitialDense(config.channels(4), name="first")(pixel_norm(w))
        for side in resolutions(self.resolution):
            features = config.channels(side)
            x = x.astype(config.dtype(side))
            if side == 4:
                x = norm(x, "_first")
            else:
                # Scaled by the outputs' number, not the inputs': as published.
                up = Conv(
                    features,
                    ROOT2,
                    up=True,
                    fan_in=9 * features,
                    name=f"conv{side}_up",
                )
                x = norm(up(x), f"{side}_up")
            x = norm(Conv(features, name=f"conv{side}")(x), f"{side}")
            y = Conv1x1(self.channels, name=f"image{side}")(x.astype(jnp.float32))
            image = y if image is None else nearest_up(image) + y
        assert image is not None  # there is always a level of 4 px
        return image


class Discriminator(nn.Module):
    """Image and label to the critic's score."""

    config: CpdGanConfig
    resolution: int

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Float[Array, "b y"]
    ) -> Float[Array, " b"]:
        config = self.config
        image = image.astype(config.dtype(self.resolution))
        x = FromRGB(config.channels(self.resolution), name="image")(image)
        for side in reversed(resolutions(self.resolution)[1:]):
            x = self._block(x.astype(config.dtype(side)), side)
        sizes = config.channels(4), config.channels(2)
        x = DiscriminatorHead(*sizes, 1.0, config.mbstd_group, name="features")(x)
        outputs = Dense(label.shape[-1] or 1, name="outputs")(x)
        if label.shape[-1] == 0:
            return outputs[:, 0]
        return jnp.sum(jnp.where(jnp.isnan(label), 0.0, label) * outputs, axis=-1)

    def _block(self, x: Array, side: int) -> Array:
        """Applies the residual block from `side` to half of it."""
        features, half = (self.config.channels(s) for s in (side, side // 2))
        skip = Skip(half, ROOT2, name=f"skip{side}")(x)
        x = Conv(features, name=f"conv{side}")(x)
        x = Conv(half, ROOT2, down=True, name=f"conv{side}_down")(x)
        return (x + skip) * 0.5**0.5


def make_networks(
    config: CpdGanConfig, *, resolution: int, channels: int, labels: int
) -> Networks:
    """Makes both networks as pure functions; nothing is computed yet.

    `map` gives what conditions the generator; there is no mapping network. Unknown
    (NaN) labels count as absent. Without labels the score is one plain output.

    Raises:
      ConfigError: `resolution` is not a power of two of at least 8 px.
    """
    check_resolution(resolution)
    generator = Generator(config, resolution, channels)
    discriminator = Discriminator(config, resolution)

    w_size = config.z_size + labels
    image = (config.mbstd_group, resolution, resolution, channels)
    label = (config.mbstd_group, labels)

    def synthesize(params: Params, ws: Array, noise: tuple[Array, ...]) -> Array:
        del noise  # this generator has no noise inputs
        return apply(generator, params, ws[:, 0])

    def discriminate(params: Params, image: Array, label: Array) -> Array:
        return apply(discriminator, params, image, label)

    return Networks(
        resolution=resolution,
        channels=channels,
        labels=labels,
        z_size=config.z_size,
        w_size=w_size,
        num_ws=1,
        noise_shapes=(),
        init_generator=make_initializer(generator, (1, w_size)),
        init_discriminator=make_initializer(discriminator, image, label),
        map=lambda params, z, label: conditions(z, label),
        synthesize=synthesize,
        discriminate=discriminate,
    )


MODEL = Model(CpdGanConfig, make_networks, preset, capabilities)
