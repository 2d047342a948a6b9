"""StyleGAN2 for multi-hot labels: skip generator, residual discriminator.

Karras et al. 2020 (arXiv:1912.04958), configuration F, and 2020b (arXiv:2006.06676)
for the channel counts and the label embedding. Different here: labels are coded
+1 present, -1 absent, 0 unknown, and the discriminator has an unconditional logit
beside the projection (Miyato & Koyama 2018), so that a row without findings is
information and not silence.
"""

from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from synthjax.core.errors import ConfigError
from synthjax.gan.layers import (
    Conv,
    Dense,
    FromImage,
    PointConv,
    StyledConv,
    ToImage,
    minibatch_stddev,
    normalize,
)
from synthjax.gan.models.networks import Networks, Params
from synthjax.gan.resample import downsample, upsample


@dataclass(frozen=True)
class StyleGAN2Config:
    """Sizes of both networks; a layer at r px has min(base / r, max) channels."""

    z_size: int = 512  # latent numbers per image
    w_size: int = 512  # numbers of the intermediate latent
    mapping_layers: int = 8  # of the mapping network
    label_size: int = 512  # numbers of the generator's label embedding
    channel_base: int = 16384  # channels times resolution, up to channel_max
    channel_max: int = 512  # most channels of a layer
    mbstd_group: int = 4  # images per minibatch standard deviation group; 1 = off
    conv_clamp: float = 0.0  # limit of every activation's magnitude; 0 = none
    noise: bool = True  # per-pixel noise inputs in the generator
    label_head: bool = False  # per-label logits from the discriminator's trunk
    bf16_from: int = 0  # px from which blocks compute in bfloat16; 0 = never

    def __post_init__(self):
        """Check the ranges; raises ConfigError."""
        for name in ("z_size", "w_size", "mapping_layers", "label_size"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        for name in ("channel_base", "channel_max", "mbstd_group"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        for name in ("conv_clamp", "bf16_from"):
            _require(getattr(self, name) >= 0, name, getattr(self, name), ">= 0")


def _require(condition: bool, name: str, value: Any, allowed: str) -> None:
    if not condition:
        raise ConfigError(f"{name}={value}: must be {allowed}")


def channels_at(config: StyleGAN2Config, resolution: int) -> int:
    """Feature channels of the layers at `resolution` px."""
    return max(1, min(config.channel_base // resolution, config.channel_max))


def block_dtype(config: StyleGAN2Config, resolution: int) -> Any:
    """Dtype in which the block at `resolution` px computes."""
    low = config.bf16_from and resolution >= config.bf16_from
    return jnp.bfloat16 if low else jnp.float32


def label_code(label: Float[Array, "b y"]) -> Float[Array, "b y"]:
    """+1 present, -1 absent, 0 unknown (NaN); unit mean square when all is known."""
    return jnp.where(jnp.isnan(label), 0.0, 2.0 * label - 1.0).astype(jnp.float32)


class Mapping(nn.Module):
    """(z, label) to the intermediate latent w; learns at a hundredth of the rate."""

    config: StyleGAN2Config

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Float[Array, "b y"]
    ) -> Float[Array, "b w"]:
        x = normalize(z)
        if label.shape[-1]:
            code = Dense(self.config.label_size, name="label")(label_code(label))
            x = jnp.concatenate([x, normalize(code)], axis=-1)
        for i in range(self.config.mapping_layers):
            x = Dense(
                self.config.w_size, active=True, lr_multiplier=0.01, name=f"dense{i}"
            )(x)
        return x


class Synthesis(nn.Module):
    """Styles and noise to an image: a constant, blocks, and a sum of their outputs."""

    config: StyleGAN2Config
    resolution: int
    channels: int

    @nn.compact
    def __call__(
        self, ws: Float[Array, "b n w"], noise: tuple[Float[Array, "b h w 1"], ...]
    ) -> Float[Array, "b h w c"]:
        config, layer = self.config, 0
        first = channels_at(config, 4)
        constant = self.param("constant", nn.initializers.normal(1.0), (4, 4, first))
        x = jnp.broadcast_to(constant, (ws.shape[0], 4, 4, first))
        image = None
        for resolution in resolutions(self.resolution):
            x = x.astype(block_dtype(config, resolution))
            for up in (True, False) if resolution > 4 else (False,):
                x = StyledConv(
                    channels_at(config, resolution),
                    up=up,
                    clamp=config.conv_clamp,
                    name=f"conv{resolution}{'_up' if up else ''}",
                )(x, ws[:, layer], noise[layer] if config.noise else None)
                layer += 1
            # This layer's style is also the next block's first: one w per resolution
            # and convolution, and the last one for the last image.
            y = ToImage(self.channels, config.conv_clamp, name=f"image{resolution}")(
                x, ws[:, layer]
            )
            image = y if image is None else upsample(image) + y
        assert image is not None  # there is always a block of 4 px
        return image


class Discriminator(nn.Module):
    """Image and label to a logit, and to per-label logits if `label_head`."""

    config: StyleGAN2Config
    resolution: int

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Float[Array, "b y"]
    ) -> tuple[Float[Array, " b"], Float[Array, "b y"] | None]:
        config = self.config
        top = channels_at(config, self.resolution)
        image = image.astype(block_dtype(config, self.resolution))
        x = FromImage(top, config.conv_clamp, name="image")(image)
        for resolution in reversed(resolutions(self.resolution)[1:]):
            x = x.astype(block_dtype(config, resolution))
            x = self._block(x, resolution)
        x = x.astype(jnp.float32)
        if config.mbstd_group > 1:
            x = minibatch_stddev(x, config.mbstd_group)
        features = channels_at(config, 4)
        x = Conv(features, clamp=config.conv_clamp, name="conv4")(x)
        x = x.reshape(x.shape[0], -1)
        x = Dense(features, active=True, name="dense")(x)
        logit = Dense(1, name="logit")(x)[:, 0]
        if label.shape[-1] == 0:
            return logit, None
        embedding = Dense(features, name="label")(label_code(label))
        direction = Dense(features, name="projection")(x)
        logit = logit + jnp.sum(embedding * direction, axis=-1) / features**0.5
        if not config.label_head:
            return logit, None
        return logit, Dense(label.shape[-1], name="label_logits")(x)

    def _block(self, x: Array, resolution: int) -> Array:
        """Residual block from `resolution` to half of it; both paths share the sum."""
        config, half = self.config, 0.5**0.5
        features = channels_at(config, resolution // 2)
        skip = PointConv(features, gain=half, name=f"skip{resolution}")(downsample(x))
        clamp, name = config.conv_clamp, f"conv{resolution}"
        x = Conv(channels_at(config, resolution), clamp=clamp, name=name)(x)
        x = Conv(features, down=True, gain=half, clamp=clamp, name=f"{name}_down")(x)
        return x + skip


def resolutions(resolution: int) -> list[int]:
    """Sides of the blocks: 4, 8, ... up to `resolution`."""
    return [2**i for i in range(2, resolution.bit_length())]


def make_networks(
    config: StyleGAN2Config, *, resolution: int, channels: int, labels: int
) -> Networks:
    """Both networks as pure functions; nothing is computed yet.

    Raises ConfigError if `resolution` is no power of two of at least 8 px.
    """
    if resolution < 8 or resolution & (resolution - 1):
        raise ConfigError(
            f"resolution={resolution}: must be a power of two of at least 8 px"
        )
    sides = resolutions(resolution)
    noise_sides = [side for side in sides for _ in range(2)][1:]
    num_ws = len(noise_sides) + 1
    noise_shapes = (
        tuple((side, side, 1) for side in noise_sides) if config.noise else ()
    )
    mapping = Mapping(config)
    synthesis = Synthesis(config, resolution, channels)
    discriminator = Discriminator(config, resolution)

    def init_generator(key: Array) -> Params:
        mapping_key, synthesis_key = jax.random.split(key)
        z, label = jnp.zeros((1, config.z_size)), jnp.zeros((1, labels))
        ws = jnp.zeros((1, num_ws, config.w_size))
        noise = tuple(jnp.zeros((1, *shape)) for shape in noise_shapes)
        return {
            "mapping": mapping.init(mapping_key, z, label)["params"],
            "synthesis": synthesis.init(synthesis_key, ws, noise)["params"],
        }

    def init_discriminator(key: Array) -> Params:
        image = jnp.zeros((config.mbstd_group, resolution, resolution, channels))
        label = jnp.zeros((config.mbstd_group, labels))
        return discriminator.init(key, image, label)["params"]

    def with_labels(params: Params, image: Array, label: Array):
        return discriminator.apply({"params": params}, image, label)

    return Networks(
        resolution=resolution,
        channels=channels,
        labels=labels,
        z_size=config.z_size,
        w_size=config.w_size,
        num_ws=num_ws,
        noise_shapes=noise_shapes,
        # Compiled, so that the forward pass that gives the shapes is never run.
        init_generator=jax.jit(init_generator),
        init_discriminator=jax.jit(init_discriminator),
        map=lambda params, z, label: mapping.apply(
            {"params": params["mapping"]}, z, label
        ),
        synthesize=lambda params, ws, noise: synthesis.apply(
            {"params": params["synthesis"]}, ws, noise
        ),
        discriminate=lambda params, image, label: with_labels(params, image, label)[0],
        discriminate_with_labels=with_labels if config.label_head else None,
    )
