"""Convolutions, their two transposes, and their gradients of any order.

The convolution y = conv(x, w) is one trilinear form <conv(x, w), y>; its transposes in
x and in w are the other two operations here, and each one's gradients are the other
two. So every gradient, also the double backward pass of R1, is a plain forward,
backward-input or backward-filter convolution. Left to autodiff, strided and transposed
convolutions get gradients whose "kernel" is a dilated whole image, which no library
runs well.

A 3x3 kernel of `stride` 1 keeps the size (zero padding); of `stride` 2 it takes sides
2n + 1 to n. A 4x4 kernel has stride 2 and takes 2n to n (one zero on every side). With
its 3x3 kernel summed over boxes it is nearest upsampling and a convolution in one, or a
convolution and a 2x2 mean (Karras et al. 2018, arXiv:1710.10196, figure 2).
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

CPU_PIXELS = 2048  # output pixels per call of the filter gradient on CPU


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def conv(
    image: Float[Array, "b i j c"], weight: Float[Array, "k k c o"], stride: int = 1
) -> Float[Array, "b h w o"]:
    """Convolves (by cross-correlation, as every network library does)."""
    pad = _padding(weight.shape[0], stride)
    return lax.conv_general_dilated(
        image,
        weight,
        (stride, stride),
        ((pad, pad), (pad, pad)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def transposed_conv(
    image: Float[Array, "b h w o"], weight: Float[Array, "k k c o"], stride: int = 1
) -> Float[Array, "b i j c"]:
    """Applies `conv`'s transpose in its image: sides n to 2n + 1 (3x3) or 2n (4x4)."""
    if weight.shape[0] == 4:
        return lax.platform_dependent(
            image, weight, cpu=_in_phases, default=partial(_transposed, stride=2)
        )
    return _transposed(image, weight, stride=stride)


def _transposed(image: Array, weight: Array, *, stride: int) -> Array:
    size = weight.shape[0]
    pad = size - 1 - _padding(size, stride)
    return lax.conv_general_dilated(
        image,
        lax.rev(weight, (0, 1)),
        (1, 1),
        ((pad, pad), (pad, pad)),
        lhs_dilation=(stride, stride),
        dimension_numbers=("NHWC", "HWOI", "NHWC"),
    )


def _in_phases(image: Array, weight: Array) -> Array:
    """Applies the 4x4 transpose as one 2x2 convolution to four interleaved phases.

    XLA's CPU backend multiplies the zeros of a dilated image, four times the work.
    """
    batch, height, width, features = image.shape
    out = weight.shape[2]
    taps = weight.reshape(2, 2, 2, 2, out, features).transpose(0, 2, 5, 1, 3, 4)
    phases = lax.conv_general_dilated(
        image,
        lax.rev(taps, (0, 1)).reshape(2, 2, features, 4 * out),
        (1, 1),
        ((1, 1), (1, 1)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    phases = phases.reshape(batch, height + 1, width + 1, 2, 2, out)
    whole = phases.transpose(0, 1, 3, 2, 4, 5)
    whole = whole.reshape(batch, 2 * height + 2, 2 * width + 2, out)
    return whole[:, 1:-1, 1:-1]


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def filter_gradient(
    image: Float[Array, "b i j c"], cotangent: Float[Array, "b h w o"], stride: int = 1
) -> Float[Array, "k k c o"]:
    """Applies `conv`'s transpose in its weight, whose size follows from the sides."""
    return lax.platform_dependent(
        image,
        cotangent,
        cpu=partial(_filter_gradient_in_parts, stride=stride),
        default=partial(_filter_gradient, stride=stride),
    )


def _padding(size: int, stride: int) -> int:
    return 0 if (size, stride) == (3, 2) else 1


def _filter_gradient(image: Array, cotangent: Array, *, stride: int) -> Array:
    # Stride 2 is of a 3x3 kernel if the image's side is odd, else of a 4x4 kernel.
    pad = _padding(4 if image.shape[1] % 2 == 0 else 3, stride)
    return lax.conv_general_dilated(
        image,
        cotangent,
        (1, 1),
        ((pad, pad), (pad, pad)),
        rhs_dilation=(stride, stride),
        dimension_numbers=("CHWN", "IHWO", "HWNC"),
    )


def _filter_gradient_in_parts(image: Array, cotangent: Array, *, stride: int) -> Array:
    """Sums over parts of the batch that fit the cache.

    As one call, XLA's CPU backend runs it ten times slower at 32 px and 64 channels.
    """
    batch, height, width, _ = cotangent.shape
    part = min(batch, max(1, CPU_PIXELS // (height * width)))
    parts = [
        _filter_gradient(image[i : i + part], cotangent[i : i + part], stride=stride)
        for i in range(0, batch, part)
    ]
    return sum(parts[1:], parts[0])


Pair = tuple[Array, Array]


def _conv_backward(stride: int, saved: Pair, cotangent: Array) -> Pair:
    image, weight = saved
    return (
        transposed_conv(cotangent, weight, stride),
        filter_gradient(image, cotangent, stride),
    )


def _transposed_conv_backward(stride: int, saved: Pair, cotangent: Array) -> Pair:
    image, weight = saved
    return (
        conv(cotangent, weight, stride),
        filter_gradient(cotangent, image, stride),
    )


def _filter_gradient_backward(stride: int, saved: Pair, cotangent: Array) -> Pair:
    image, output = saved
    return (
        transposed_conv(output, cotangent, stride),
        conv(image, cotangent, stride),
    )


# The forward rules call the functions themselves, not their bodies, so that the rules
# hold again when a gradient is differentiated.
conv.defvjp(lambda x, w, stride: (conv(x, w, stride), (x, w)), _conv_backward)
transposed_conv.defvjp(
    lambda y, w, stride: (transposed_conv(y, w, stride), (y, w)),
    _transposed_conv_backward,
)
filter_gradient.defvjp(
    lambda x, y, stride: (filter_gradient(x, y, stride), (x, y)),
    _filter_gradient_backward,
)


def nearest_up(image: Float[Array, "b h w c"]) -> Float[Array, "b i j c"]:
    """Doubles the size by repeating every pixel."""
    b, h, w, c = image.shape
    repeated = jnp.broadcast_to(image[:, :, None, :, None], (b, h, 2, w, 2, c))
    return repeated.reshape(b, 2 * h, 2 * w, c)


def mean_down(image: Float[Array, "b h w c"]) -> Float[Array, "b i j c"]:
    """Halves the size (even sides) by means of 2x2 pixels."""
    b, h, w, c = image.shape
    return jnp.mean(image.reshape(b, h // 2, 2, w // 2, 2, c), axis=(2, 4))


def nearest_conv(
    image: Float[Array, "b h w c"], weight: Float[Array, "3 3 c o"]
) -> Float[Array, "b i j o"]:
    """Returns `conv(nearest_up(image), weight)` by less than half its operations."""
    boxes = _box_sums(lax.rev(weight, (0, 1)))
    return transposed_conv(image, boxes.swapaxes(2, 3).astype(image.dtype), 2)


def conv_mean(
    image: Float[Array, "b h w c"], weight: Float[Array, "3 3 c o"]
) -> Float[Array, "b i j o"]:
    """Returns `mean_down(conv(image, weight))` by less than half its operations."""
    return conv(image, (0.25 * _box_sums(weight)).astype(image.dtype), 2)


def _box_sums(weight: Float[Array, "3 3 c o"]) -> Float[Array, "4 4 c o"]:
    padded = jnp.pad(weight, ((1, 1), (1, 1), (0, 0), (0, 0)))
    return padded[1:, 1:] + padded[:-1, 1:] + padded[1:, :-1] + padded[:-1, :-1]
