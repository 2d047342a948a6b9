"""What is read from compiled HLO, against counts by hand."""

from functools import partial

import jax
import numpy as np
import pytest

from synthjax.bench.kernels import kernels
from synthjax.gan.networks.convolution import conv, filter_gradient, transposed_conv

IMAGE, RESULT, WEIGHT = 64 * 257 * 257 * 64, 64 * 128 * 128 * 128, 128 * 9 * 64


def test_convolutions_are_counted_by_hand(recorded):
    convert, forward, backward, weight = recorded("convolutions")
    assert (convert.kind, convert.flop) == ("fusion", 0)
    assert convert.bytes == WEIGHT * (4 + 2)
    assert forward.kind == "forward convolution"
    assert backward.kind == "backward-input convolution"
    assert weight.kind == "backward-filter convolution"
    # Every output pixel of every filter sums 9 taps of 64 channels, in all three.
    for kernel in (forward, backward, weight):
        assert kernel.flop == 2 * RESULT * 9 * 64
        assert (kernel.dtype, kernel.groups, kernel.dilated) == ("bf16", 1, False)
    assert forward.bytes == 2 * (IMAGE + WEIGHT + 128 + RESULT)
    assert backward.bytes == weight.bytes == 2 * (IMAGE + WEIGHT + RESULT)
    assert forward.source == "jit(discriminator)/conv256_down/conv_general_dilated"


def test_dilated_and_grouped_convolutions_are_seen(recorded):
    (kernel,) = recorded("dilated")
    assert kernel.dilated
    assert kernel.groups == 4


def test_loops_count_as_often_as_they_run(recorded):
    found = {kernel.name: kernel for kernel in recorded("loop_on_8")}
    product = found["gemm_fusion_dot_general.3"]
    assert product.kind == "matrix product"
    assert (product.calls, product.flop) == (5, 2 * 64 * 16 * 32)
    assert product.bytes == 4 * (64 * 16 + 16 * 32 + 1 + 64 * 32 + 64 * 32)
    assert (product.dtype, product.exact) == ("f32", False)


def test_slices_read_what_they_use(recorded):
    found = {kernel.name: kernel for kernel in recorded("loop_on_8")}
    assert found["wrapped_slice"].bytes == 2 * 4 * 8 * 16
    assert found["wrapped_dynamic-slice"].bytes == 4 + 4 + 4  # element, index, result


def test_of_what_is_scaled_and_then_sliced_the_slices_are_read(recorded):
    (kernel,) = recorded("scaled_slices")
    # Once read and once written, and the 512 numbers that are added.
    assert kernel.bytes == 4 * (2 * (512 * 4608 + 512) + 512)


@pytest.mark.parametrize(
    ("operation", "shapes", "kind"),
    [
        (conv, ((2, 16, 16, 8), (3, 3, 8, 12)), "forward convolution"),
        (
            partial(conv, stride=2),
            ((2, 33, 33, 8), (3, 3, 8, 12)),
            "forward convolution",
        ),
        # Of stride 1 it is a forward convolution with the kernel turned.
        (transposed_conv, ((2, 16, 16, 12), (3, 3, 8, 12)), "forward convolution"),
        (
            partial(transposed_conv, stride=2),
            ((2, 16, 16, 12), (3, 3, 8, 12)),
            "backward-input convolution",
        ),
        (
            filter_gradient,
            ((2, 16, 16, 8), (2, 16, 16, 12)),
            "backward-filter convolution",
        ),
        (
            partial(filter_gradient, stride=2),
            ((2, 33, 33, 8), (2, 16, 16, 12)),
            "backward-filter convolution",
        ),
    ],
)
def test_convolutions_compiled_for_a_cpu_are_counted_by_hand(operation, shapes, kind):
    arrays = [jax.ShapeDtypeStruct(shape, np.float32) for shape in shapes]
    program = jax.jit(operation).lower(*arrays).compile()
    products = [kernel for kernel in kernels(program.as_text()) if kernel.flop]
    assert {kernel.kind for kernel in products} == {kind}
    assert sum(kernel.flop for kernel in products) == 2 * 2 * 16 * 16 * 12 * 9 * 8


def test_matrix_products_compiled_for_a_cpu_are_counted_by_hand():
    a = jax.ShapeDtypeStruct((64, 128), np.float32)
    b = jax.ShapeDtypeStruct((128, 32), np.float32)
    program = jax.jit(lambda a, b: a @ b).lower(a, b).compile()
    (product,) = (kernel for kernel in kernels(program.as_text()) if kernel.flop)
    assert (product.kind, product.flop) == ("matrix product", 2 * 64 * 128 * 32)
