"""Layers, equations and settings that the two published GANs share, NHWC.

Weights are stored as N(0, 1) and scaled by gain / sqrt(fan-in) where they are used
(Karras et al. 2018, arXiv:1710.10196, section 4.1). The leaky ReLU has no gain of its
own here: what follows the weights' gain differs between the two. Parameters are
float32; a layer computes in the dtype of its input.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.typing import DTypeLike
from jaxtyping import Float

from synthjax.core.config import Config, field
from synthjax.gan.networks.api import Capabilities, Params, Preset, Sizes
from synthjax.gan.networks.convolution import conv, conv_mean, mean_down, nearest_conv
from synthjax.gan.networks.layers import bias_act, minibatch_stddev


@dataclass(frozen=True)
class PublishedConfig(Config):
    """Sizes that both have; a layer at r px has min(2 base / r, max) channels."""

    z_size: int = field(512, "latent numbers per image", ge=1)
    channel_base: int = field(
        16384,
        "half of channels times resolution (px) of a layer, up to channel_max",
        ge=1,
    )
    channel_max: int = field(512, "most channels of a layer", ge=1)
    mbstd_group: int = field(
        4, "images per minibatch standard deviation group; 1 is off", ge=1
    )
    bf16_from: int = field(
        0, "resolution (px) from which blocks compute in bfloat16; 0 is never", ge=0
    )

    def channels(self, resolution: int) -> int:
        """Returns the feature channels of the layers at `resolution` px."""
        return max(1, min(2 * self.channel_base // resolution, self.channel_max))

    def dtype(self, resolution: int) -> DTypeLike:
        """Returns the dtype in which the blocks at `resolution` px compute."""
        low = self.bf16_from and resolution >= self.bf16_from
        return jnp.bfloat16 if low else jnp.float32

    def capabilities(
        self, *, has_label_head: bool, has_conditional_logit: bool
    ) -> Capabilities:
        """Returns what networks of these sizes can do."""
        return Capabilities(
            has_label_head=has_label_head,
            has_conditional_logit=has_conditional_logit,
            mbstd_group=self.mbstd_group,
            bf16_from=self.bf16_from,
        )


def published_preset(
    sizes: Sizes,
    resolution: int,
    *,
    batch_size: int,
    learning_rate: float,
    label_weight: float,
) -> Preset[Sizes]:
    """Returns what both were trained with: DuMont Schuette et al. 2021.

    Above the resolutions published for one of them (128 px, 512 px) its last numbers
    go on.
    """
    return Preset(
        sizes=sizes,
        kimg={32: 12000.0, 64: 14000.0, 128: 16000.0}.get(resolution, 12000.0),
        batch_size=batch_size,
        loss="wgan_gp",
        label_loss="softmax",
        label_weight=label_weight,
        generator_learning_rate=learning_rate,
        discriminator_learning_rate=learning_rate,
        r1_weight=0.0,
        ema_half_life_kimg=10.0,  # not used: the decay is
        ema_decay=0.999,
    )


def conditions(z: Float[Array, "b z"], label: Float[Array, "b y"]) -> Array:
    """Returns what conditions a generator: latents, then labels; unknown is 0."""
    known = jnp.where(jnp.isnan(label), 0.0, label).astype(jnp.float32)
    return jnp.concatenate([z, known], axis=-1)


def pixel_norm(x: Float[Array, "... c"]) -> Float[Array, "... c"]:
    """Scales every pixel to a mean square of one (Karras et al. 2018, section 4.2)."""
    wide = x.astype(jnp.float32)
    power = jnp.mean(wide * wide, axis=-1, keepdims=True)
    return (wide * lax.rsqrt(power + 1e-8)).astype(x.dtype)


def make_initializer(
    module: nn.Module, *shapes: tuple[int, ...], **settings: Any
) -> Callable[[Array], Params]:
    """Returns a compiled function of a key that draws a module's parameters.

    Args:
      module: whose parameters `draw_params` draws.
      shapes: of the arrays that the module is called with.
      settings: what else it is called with.
    """

    def init(key: Array) -> Any:
        inputs = [jnp.zeros(shape, jnp.float32) for shape in shapes]
        return module.init(key, *inputs, **settings)

    return jax.jit(lambda key: draw_params(init, key))


def draw_params(init: Callable[[Array], Any], key: Array) -> Params:
    """Draws parameters of the shapes of `init(key)`: biases 0, all else N(0, 1).

    One draw for all layers: a draw per layer costs seconds of compilation each.
    """
    shapes = jax.eval_shape(init, key)["params"]
    leaves, tree = jax.tree_util.tree_flatten_with_path(shapes)
    sizes = [0 if path[-1].key == "bias" else leaf.size for path, leaf in leaves]
    ends = list(accumulate(sizes))
    draw = lax.optimization_barrier(jax.random.normal(key, (ends[-1],), jnp.float32))
    drawn = jnp.split(draw, ends[:-1])
    params = [
        values.reshape(leaf.shape) if size else jnp.zeros(leaf.shape, jnp.float32)
        for size, values, (_, leaf) in zip(sizes, drawn, leaves, strict=True)
    ]
    return jax.tree.unflatten(tree, params)


def equalized_weight(
    module: nn.Module, shape: tuple[int, ...], gain: float, fan_in: int
) -> Array:
    """Returns `module`'s scaled weight; call it from the module's compact method."""
    weight = module.param("weight", nn.initializers.normal(1.0), shape)
    return weight * (gain / fan_in**0.5)


def _bias(module: nn.Module, features: int) -> Array:
    return module.param("bias", nn.initializers.zeros_init(), (features,))


class Dense(nn.Module):
    """Equalised linear layer; `active` adds the leaky ReLU."""

    features: int
    gain: float = 1.0
    active: bool = False

    @nn.compact
    def __call__(self, x: Float[Array, "b i"]) -> Float[Array, "b o"]:
        shape = (x.shape[-1], self.features)
        x = x @ equalized_weight(self, shape, self.gain, shape[0])
        bias = _bias(self, self.features)
        return bias_act(x, bias, 1.0, 0.0) if self.active else x + bias


class InitialDense(nn.Module):
    """Linear layer to 4x4 pixels, one bias per feature, leaky ReLU."""

    features: int
    gain: float = 1.0

    @nn.compact
    def __call__(self, x: Float[Array, "b i"]) -> Float[Array, "b 4 4 o"]:
        shape = (x.shape[-1], 16 * self.features)
        x = x @ equalized_weight(self, shape, self.gain, shape[0])
        x = x.reshape(-1, 4, 4, self.features)
        return bias_act(x, _bias(self, self.features), 1.0, 0.0)


class Conv(nn.Module):
    """Equalised 3x3 convolution, bias and leaky ReLU.

    `up` is of the nearest-upsampled image, `down` is followed by a 2x2 mean.
    """

    features: int
    gain: float = 1.0
    up: bool = False
    down: bool = False
    fan_in: int = 0  # that scales the weight; 0 = the weight's own, 9 inputs

    @nn.compact
    def __call__(self, image: Float[Array, "b h w c"]) -> Float[Array, "b i j o"]:
        shape = (3, 3, image.shape[-1], self.features)
        fan_in = self.fan_in or 9 * shape[2]
        weight = equalized_weight(self, shape, self.gain, fan_in)
        if self.up:
            image = nearest_conv(image, weight)
        elif self.down:
            image = conv_mean(image, weight)
        else:
            image = conv(image, weight.astype(image.dtype))
        return bias_act(image, _bias(self, self.features), 1.0, 0.0)


class Conv1x1(nn.Module):
    """Equalised 1x1 convolution, as a matrix product; linear."""

    features: int
    gain: float = 1.0
    bias: bool = True

    @nn.compact
    def __call__(self, image: Float[Array, "b h w c"]) -> Float[Array, "b h w o"]:
        shape = (image.shape[-1], self.features)
        weight = equalized_weight(self, shape, self.gain, shape[0])
        image = image @ weight.astype(image.dtype)
        if not self.bias:
            return image
        return image + _bias(self, self.features).astype(image.dtype)


class FromRGB(nn.Module):
    """Image channels to features: 1x1 convolution, bias and leaky ReLU."""

    features: int
    gain: float = 1.0

    @nn.compact
    def __call__(self, image: Float[Array, "b h w c"]) -> Float[Array, "b h w o"]:
        x = Conv1x1(self.features, self.gain, bias=False, name="conv")(image)
        return bias_act(x, _bias(self, self.features), 1.0, 0.0)


class Skip(nn.Module):
    """Shortcut to half the size: 2x2 mean, then 1x1 convolution without bias."""

    features: int
    gain: float = 1.0

    @nn.compact
    def __call__(self, image: Float[Array, "b h w c"]) -> Float[Array, "b i j o"]:
        conv = Conv1x1(self.features, self.gain, bias=False, name="conv")
        return conv(mean_down(image))


class ConditionalPixelNorm(nn.Module):
    """Pixel norm, then a scale and a shift that are linear in the conditions."""

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], condition: Float[Array, "b n"]
    ) -> Float[Array, "b h w c"]:
        features = x.shape[-1]
        gamma = Dense(features, name="gamma")(condition)[:, None, None]
        beta = Dense(features, name="beta")(condition)[:, None, None]
        return pixel_norm(x) * gamma.astype(x.dtype) + beta.astype(x.dtype)


class DiscriminatorHead(nn.Module):
    """End of a discriminator: 4x4 pixels and the group's deviation to features."""

    conv_features: int
    features: int
    gain: float
    mbstd_group: int  # images per group; 1 = no minibatch standard deviation

    @nn.compact
    def __call__(self, x: Float[Array, "b 4 4 c"]) -> Float[Array, "b o"]:
        x = x.astype(jnp.float32)
        if self.mbstd_group > 1:
            x = minibatch_stddev(x, self.mbstd_group)
        x = Conv(self.conv_features, self.gain, name="conv")(x)
        x = x.reshape(x.shape[0], -1)
        return Dense(self.features, self.gain, active=True, name="dense")(x)
