"""Resampling by the FIR filter [1, 3, 3, 1] and the convolutions that go with it.

The filter (Karras et al. 2020, arXiv:1912.04958, appendix B) is shifted slices and
adds, many times faster than a depthwise convolution. It is symmetric and linear, so
each operation's gradient is another operation of this file, at any order.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from synthjax.gan.networks.convolution import conv, transposed_conv

TAPS = (0.125, 0.375, 0.375, 0.125)  # [1, 3, 3, 1] / 8, sums to one


@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def blur(
    image: Float[Array, "b h w c"], pad: int, gain: float = 1.0
) -> Float[Array, "b i j c"]:
    """Filters without resampling; `pad` zeros on every side, output h + 2 pad - 3.

    Sixteen shifted slices in one expression, accumulated in float32 and returned in
    the input's dtype: XLA makes one loop of it, where two passes make many.
    """
    widths = ((0, 0), (pad, pad), (pad, pad), (0, 0))
    # On CPU padding inside the loop costs more than the copy; on GPU it is free.
    padded = lax.platform_dependent(
        jnp.pad(image, widths), cpu=lax.optimization_barrier, default=lambda x: x
    )
    height, width = padded.shape[1] - 3, padded.shape[2] - 3
    shifted = [
        (gain * TAPS[i] * TAPS[j])
        * padded[:, i : i + height, j : j + width].astype(jnp.float32)
        for i in range(4)
        for j in range(4)
    ]
    return sum(shifted[1:], shifted[0]).astype(image.dtype)


def _blur_forward(image: Array, pad: int, gain: float) -> tuple[Array, None]:
    return blur(image, pad, gain), None


def _blur_backward(pad: int, gain: float, _: None, cotangent: Array) -> tuple[Array]:
    return (blur(cotangent, 3 - pad, gain),)


blur.defvjp(_blur_forward, _blur_backward)


def _upsample_axis(image: Array, axis: int) -> Array:
    widths = [(0, 0)] * image.ndim
    widths[axis] = (1, 1)
    padded = jnp.pad(image, widths)
    size = image.shape[axis]
    before = lax.slice_in_dim(padded, 0, size, axis=axis)
    after = lax.slice_in_dim(padded, 2, size + 2, axis=axis)
    phases = [0.25 * before + 0.75 * image, 0.75 * image + 0.25 * after]
    shape = list(image.shape)
    shape[axis] *= 2
    return jnp.stack(phases, axis=axis + 1).reshape(shape)


def _downsample_axis(image: Array, axis: int) -> Array:
    widths = [(0, 0)] * image.ndim
    widths[axis] = (1, 1)
    padded = jnp.pad(image, widths)
    size = image.shape[axis]
    shifted = [
        tap * lax.slice_in_dim(padded, i, i + size - 1, stride=2, axis=axis)
        for i, tap in enumerate(TAPS)
    ]
    return sum(shifted[1:], shifted[0])


@jax.custom_vjp
def upsample(image: Float[Array, "b h w c"]) -> Float[Array, "b i j c"]:
    """Doubles the size, of the same mean; the transpose of `downsample`, times four."""
    wide = image.astype(jnp.float32)
    return _upsample_axis(_upsample_axis(wide, 1), 2).astype(image.dtype)


@jax.custom_vjp
def downsample(image: Float[Array, "b h w c"]) -> Float[Array, "b i j c"]:
    """Halves the size (even sides): the filter, then every second pixel."""
    wide = image.astype(jnp.float32)
    return _downsample_axis(_downsample_axis(wide, 1), 2).astype(image.dtype)


upsample.defvjp(lambda x: (upsample(x), None), lambda _, ct: (4.0 * downsample(ct),))
downsample.defvjp(lambda x: (downsample(x), None), lambda _, ct: (0.25 * upsample(ct),))


def conv_down(
    image: Float[Array, "b h w c"], weight: Float[Array, "3 3 c o"]
) -> Float[Array, "b i j o"]:
    """Convolves by 3x3 to half the size, antialiased."""
    return conv(blur(image, 2), weight, 2)


def conv_up(
    image: Float[Array, "b h w c"], weight: Float[Array, "3 3 c o"]
) -> Float[Array, "b i j o"]:
    """Convolves by 3x3 to twice the size, smoothed by the filter."""
    return blur(transposed_conv(image, weight.swapaxes(2, 3), 2), 1, 4.0)
