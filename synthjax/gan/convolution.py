"""The 3x3 convolution, its two transposes, and their gradients of any order.

The convolution y = conv(x, w) is one trilinear form <conv(x, w), y>; its transposes in
x and in w are the other two operations here, and each one's gradients are the other
two. So every gradient, also the double backward pass of R1, is a plain forward,
backward-input or backward-filter convolution. Left to autodiff, strided and transposed
convolutions get gradients whose "kernel" is a dilated whole image, which no library
runs well.

`stride` 1 keeps the size (zero padding); `stride` 2 takes sides 2n + 1 to n.
"""

from functools import partial

import jax
from jax import Array, lax
from jaxtyping import Float

CPU_PIXELS = 2048  # output pixels per call of the filter gradient on CPU


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def conv(
    image: Float[Array, "b i j c"], weight: Float[Array, "3 3 c o"], stride: int = 1
) -> Float[Array, "b h w o"]:
    """3x3 convolution (cross-correlation, as in every network library)."""
    pad = _padding(stride)
    return lax.conv_general_dilated(
        image,
        weight,
        (stride, stride),
        ((pad, pad), (pad, pad)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def transposed_conv(
    image: Float[Array, "b h w o"], weight: Float[Array, "3 3 c o"], stride: int = 1
) -> Float[Array, "b i j c"]:
    """Transpose of `conv` in its image: stride 2 takes sides n to 2n + 1."""
    pad = 2 - _padding(stride)
    return lax.conv_general_dilated(
        image,
        lax.rev(weight, (0, 1)),
        (1, 1),
        ((pad, pad), (pad, pad)),
        lhs_dilation=(stride, stride),
        dimension_numbers=("NHWC", "HWOI", "NHWC"),
    )


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def filter_gradient(
    image: Float[Array, "b i j c"], cotangent: Float[Array, "b h w o"], stride: int = 1
) -> Float[Array, "3 3 c o"]:
    """Transpose of `conv` in its weight."""
    return lax.platform_dependent(
        image,
        cotangent,
        cpu=partial(_filter_gradient_in_parts, stride=stride),
        default=partial(_filter_gradient, stride=stride),
    )


def _padding(stride: int) -> int:
    return 1 if stride == 1 else 0


def _filter_gradient(image: Array, cotangent: Array, *, stride: int) -> Array:
    pad = _padding(stride)
    return lax.conv_general_dilated(
        image,
        cotangent,
        (1, 1),
        ((pad, pad), (pad, pad)),
        rhs_dilation=(stride, stride),
        dimension_numbers=("CHWN", "IHWO", "HWNC"),
    )


def _filter_gradient_in_parts(image: Array, cotangent: Array, *, stride: int) -> Array:
    """Sum over parts of the batch that fit the cache.

    As one call, XLA's CPU backend runs it ten times slower at 32 px and 64 channels.
    """
    batch, height, width, _ = cotangent.shape
    part = min(batch, max(1, CPU_PIXELS // (height * width)))
    parts = [
        _filter_gradient(image[i : i + part], cotangent[i : i + part], stride=stride)
        for i in range(0, batch, part)
    ]
    return sum(parts[1:], parts[0])


def _conv_backward(stride, saved, cotangent):
    image, weight = saved
    return (
        transposed_conv(cotangent, weight, stride),
        filter_gradient(image, cotangent, stride),
    )


def _transposed_conv_backward(stride, saved, cotangent):
    image, weight = saved
    return (
        conv(cotangent, weight, stride),
        filter_gradient(cotangent, image, stride),
    )


def _filter_gradient_backward(stride, saved, cotangent):
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
