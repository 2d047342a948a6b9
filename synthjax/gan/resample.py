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

from synthjax.gan.convolution import conv, transposed_conv

TAPS = (0.125, 0.375, 0.375, 0.125)  # [1, 3, 3, 1] / 8, sums to one


def _filter_axis(image: Array, axis: int, pad: int, taps: tuple[float, ...]) -> Array:
    """Correlate one axis with a symmetric filter after zero padding of both ends."""
    widths = [(0, 0)] * image.ndim
    widths[axis] = (pad, pad)
    padded = jnp.pad(image, widths)
    size = padded.shape[axis] - len(taps) + 1
    shifted = [
        tap * lax.slice_in_dim(padded, i, i + size, axis=axis)
        for i, tap in enumerate(taps)
    ]
    return sum(shifted[1:], shifted[0])


@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def blur(
    image: Float[Array, "b h w c"], pad: int, gain: float = 1.0
) -> Float[Array, "b i j c"]:
    """Filter without resampling; `pad` zeros on every side, output h + 2 pad - 3.

    Shifted slices and adds, accumulated in float32, returned in the input's dtype.
    """
    taps = tuple(tap * gain**0.5 for tap in TAPS)
    wide = image.astype(jnp.float32)
    wide = _filter_axis(_filter_axis(wide, 1, pad, taps), 2, pad, taps)
    return wide.astype(image.dtype)


def _blur_forward(image, pad, gain):
    return blur(image, pad, gain), None


def _blur_backward(pad, gain, _, cotangent):
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
    """Twice the size, of the same mean; the transpose of `downsample`, times four."""
    wide = image.astype(jnp.float32)
    return _upsample_axis(_upsample_axis(wide, 1), 2).astype(image.dtype)


@jax.custom_vjp
def downsample(image: Float[Array, "b h w c"]) -> Float[Array, "b i j c"]:
    """Half the size (even sides): the filter, then every second pixel."""
    wide = image.astype(jnp.float32)
    return _downsample_axis(_downsample_axis(wide, 1), 2).astype(image.dtype)


upsample.defvjp(lambda x: (upsample(x), None), lambda _, ct: (4.0 * downsample(ct),))
downsample.defvjp(lambda x: (downsample(x), None), lambda _, ct: (0.25 * upsample(ct),))


def conv_down(
    image: Float[Array, "b h w c"], weight: Float[Array, "3 3 c o"]
) -> Float[Array, "b i j o"]:
    """Antialiased 3x3 convolution to half the size."""
    return conv(blur(image, 2), weight, 2)


def conv_up(
    image: Float[Array, "b h w c"], weight: Float[Array, "3 3 c o"]
) -> Float[Array, "b i j o"]:
    """3x3 convolution to twice the size, smoothed by the filter."""
    return blur(transposed_conv(image, weight.swapaxes(2, 3), 2), 1, 4.0)
