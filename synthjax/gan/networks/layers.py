"""Layers of the style-based GANs, NHWC, with equalised learning rates.

Weights are stored as N(0, 1) and scaled by gain / sqrt(fan-in) where they are used, so
that Adam's steps are of the same relative size in every layer (Karras et al. 2018,
section 4.1). Parameters are float32; a layer computes in the dtype of its input.
"""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from synthjax.core.errors import StudyError
from synthjax.gan.networks.api import Params
from synthjax.gan.networks.convolution import conv
from synthjax.gan.networks.resample import conv_down, conv_up

SLOPE = 0.2  # of the leaky ReLU
ROOT2 = 2.0**0.5


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def bias_act(
    x: Float[Array, "... c"], bias: Float[Array, " c"], gain: float, clamp: float
) -> Float[Array, "... c"]:
    """Returns the leaky ReLU of x + bias, times gain, within +-clamp (0 = no limit).

    The backward pass needs the output only: its sign is the sign of x + bias.
    """
    x = x + bias.astype(x.dtype)
    y = jnp.maximum(x, SLOPE * x) * gain
    return jnp.clip(y, -clamp, clamp) if clamp else y


def _bias_act_forward(
    x: Array, bias: Array, gain: float, clamp: float
) -> tuple[Array, tuple[Array, Array]]:
    y = bias_act(x, bias, gain, clamp)
    return y, (y, bias)


def _bias_act_backward(
    gain: float, clamp: float, saved: tuple[Array, Array], cotangent: Array
) -> tuple[Array, Array]:
    y, bias = saved
    slope = jnp.where(y >= 0, gain, SLOPE * gain).astype(y.dtype)
    if clamp:
        slope = jnp.where(jnp.abs(y) < clamp, slope, 0).astype(y.dtype)
    dx = cotangent * slope
    axes = tuple(range(dx.ndim - 1))
    wide = jnp.promote_types(dx.dtype, jnp.float32)  # bfloat16 is too coarse for sums
    return dx, jnp.sum(dx, axes, dtype=wide).astype(bias.dtype)


bias_act.defvjp(_bias_act_forward, _bias_act_backward)


def normalize(x: Float[Array, "b z"]) -> Float[Array, "b z"]:
    """Scales every row to a mean square of one."""
    return x * lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + 1e-8)


def modulated_conv(
    image: Float[Array, "b h w c"],
    weight: Float[Array, "3 3 c o"],
    style: Float[Array, "b c"],
    *,
    up: bool = False,
) -> Float[Array, "b i j o"]:
    """Convolves with weights modulated and demodulated (StyleGAN2, eq. 1 and 3).

    Scaling the weights' inputs by the style is scaling the image, and their norm per
    sample and output is a small matrix product, so one ordinary convolution serves
    the whole batch and no per-sample weights are ever formed.
    """
    dtype = image.dtype
    power = jnp.square(style) @ jnp.sum(jnp.square(weight), axis=(0, 1))
    demodulation = lax.rsqrt(power + 1e-8)
    image = image * style[:, None, None, :].astype(dtype)
    image = (conv_up if up else conv)(image, weight.astype(dtype))
    return image * demodulation[:, None, None, :].astype(dtype)


def apply(module: nn.Module, params: Params, *arguments: Any) -> Any:
    """Returns what a module makes of its arguments with these parameters."""
    return module.apply({"params": params}, *arguments)


class Dense(nn.Module):
    """Equalised linear layer, optionally followed by the leaky ReLU (`active`)."""

    features: int
    active: bool = False
    lr_multiplier: float = 1.0  # learning rate relative to the other layers
    bias_init: float = 0.0

    @nn.compact
    def __call__(self, x: Float[Array, "b i"]) -> Float[Array, "b o"]:
        fan_in, multiplier = x.shape[-1], self.lr_multiplier
        weight = self.param(
            "weight", nn.initializers.normal(1 / multiplier), (fan_in, self.features)
        )
        bias = self.param(
            "bias",
            nn.initializers.constant(self.bias_init / multiplier, jnp.float32),
            (self.features,),
        )
        y = x @ (weight * (multiplier / fan_in**0.5))
        if self.active:
            return bias_act(y, bias * multiplier, ROOT2, 0.0)
        return y + bias * multiplier


class Conv(nn.Module):
    """Equalised 3x3 convolution, bias and leaky ReLU; `down` halves the size."""

    features: int
    down: bool = False
    gain: float = 1.0  # of the output, beside the activation's sqrt(2)
    clamp: float = 0.0

    @nn.compact
    def __call__(self, image: Float[Array, "b h w c"]) -> Float[Array, "b i j o"]:
        shape = (3, 3, image.shape[-1], self.features)
        weight = self.param("weight", nn.initializers.normal(1.0), shape)
        bias = self.param("bias", nn.initializers.zeros_init(), (self.features,))
        weight = (weight / (9 * shape[2]) ** 0.5).astype(image.dtype)
        image = (conv_down if self.down else conv)(image, weight)
        return bias_act(image, bias, ROOT2 * self.gain, self.clamp * self.gain)


class Conv1x1(nn.Module):
    """Equalised 1x1 convolution without bias, as a matrix product."""

    features: int
    gain: float = 1.0

    @nn.compact
    def __call__(self, image: Float[Array, "b h w c"]) -> Float[Array, "b h w o"]:
        fan_in = image.shape[-1]
        weight = self.param(
            "weight", nn.initializers.normal(1.0), (fan_in, self.features)
        )
        weight = (weight * (self.gain / fan_in**0.5)).astype(image.dtype)
        return image @ weight


class FromRGB(nn.Module):
    """The discriminator's first layer: image channels to features."""

    features: int
    clamp: float = 0.0

    @nn.compact
    def __call__(self, image: Float[Array, "b h w c"]) -> Float[Array, "b h w o"]:
        x = Conv1x1(self.features, name="conv")(image)
        bias = self.param("bias", nn.initializers.zeros_init(), (self.features,))
        return bias_act(x, bias, ROOT2, self.clamp)


class StyledConv(nn.Module):
    """Modulated convolution, noise, bias and leaky ReLU; `up` doubles the size."""

    features: int
    up: bool = False
    clamp: float = 0.0

    @nn.compact
    def __call__(
        self,
        image: Float[Array, "b h w c"],
        w: Float[Array, "b style"],
        noise: Float[Array, "b i j 1"] | None,
    ) -> Float[Array, "b i j o"]:
        fan_in = image.shape[-1]
        style = Dense(fan_in, bias_init=1.0, name="style")(w)
        shape = (3, 3, fan_in, self.features)
        weight = self.param("weight", nn.initializers.normal(1.0), shape)
        weight = weight / (9 * fan_in) ** 0.5
        image = modulated_conv(image, weight, style, up=self.up)
        if noise is not None:
            strength = self.param("noise_strength", nn.initializers.zeros_init(), ())
            image = image + (noise * strength).astype(image.dtype)
        bias = self.param("bias", nn.initializers.zeros_init(), (self.features,))
        return bias_act(image, bias, ROOT2, self.clamp)


class ToRGB(nn.Module):
    """Features to image channels: 1x1 modulated, not demodulated; float32 output."""

    channels: int
    clamp: float = 0.0

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], w: Float[Array, "b style"]
    ) -> Float[Array, "b h w o"]:
        fan_in = image.shape[-1]
        style = Dense(fan_in, bias_init=1.0, name="style")(w) / fan_in**0.5
        weight = self.param(
            "weight", nn.initializers.normal(1.0), (fan_in, self.channels)
        )
        bias = self.param("bias", nn.initializers.zeros_init(), (self.channels,))
        image = image.astype(jnp.float32)
        # A product with a vector per sample and channel, not with a thin matrix: XLA
        # fuses it on GPU as multiply and reduce.
        planes = [
            jnp.einsum("bhwc,bc->bhw", image, style * weight[:, k])
            for k in range(self.channels)
        ]
        y = jnp.stack(planes, -1) + bias
        return jnp.clip(y, -self.clamp, self.clamp) if self.clamp else y


def minibatch_stddev(
    image: Float[Array, "b h w c"], group: int
) -> Float[Array, "b h w d"]:
    """Appends one channel: the mean standard deviation in the sample's group.

    Groups are `group` consecutive samples (Karras et al. 2018, section 3), or the
    whole batch on this device if it is smaller. Raises StudyError if it is larger and
    does not divide by `group`.
    """
    b, h, w, c = image.shape
    group = min(group, b)
    if b % group:
        raise StudyError(
            f"a batch of {b} images per device does not divide into minibatch standard "
            f"deviation groups of {group}: change gan.batch_size, the number of "
            f"devices, or the model's mbstd_group (1 = off)"
        )
    grouped = image.astype(jnp.float32).reshape(b // group, group, h, w, c)
    stddev = jnp.sqrt(jnp.var(grouped, axis=1) + 1e-8).mean((1, 2, 3))
    plane = jnp.repeat(stddev, group)[:, None, None, None].astype(image.dtype)
    return jnp.concatenate([image, jnp.broadcast_to(plane, (b, h, w, 1))], axis=-1)
