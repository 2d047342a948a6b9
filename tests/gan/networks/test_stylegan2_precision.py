"""Which operations of StyleGAN2 run in bfloat16, read from the traced program."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import pytest
from jax.extend import core

from synthjax.gan.networks.stylegan2 import StyleGAN2Config, make_networks
from synthjax.gan.regularizers import r1

FROM = 16  # px
NETS = make_networks(
    StyleGAN2Config(
        z_size=4,
        w_size=4,
        mapping_layers=1,
        label_size=4,
        channel_base=64,
        channel_max=4,
        label_head=True,
        bf16_from=FROM,
    ),
    resolution=32,
    channels=1,
    labels=2,
)


def zeros(*shape):
    return jnp.zeros(shape, jnp.float32)


IMAGE, LABEL, Z = zeros(4, 32, 32, 1), zeros(4, 2), zeros(4, 4)
WS, NOISE = zeros(4, NETS.num_ws, 4), tuple(zeros(4, *s) for s in NETS.noise_shapes)


def penalised(params):
    """Logits, labels' logits and R1 of the discriminator."""

    def logits(image):
        return NETS.discriminate(params, image, LABEL)

    _, label_logit = NETS.discriminate_with_labels(params, IMAGE, LABEL)
    return jnp.sum(logits(IMAGE) + r1(logits, IMAGE)) + jnp.sum(label_logit)


def path_length(params):
    """Squared slopes of the image in the styles."""
    slope = jax.grad(lambda ws: jnp.sum(NETS.synthesize(params, ws, NOISE)))(WS)
    return jnp.sum(slope**2)


def equations(jaxpr) -> Iterator:
    """Every equation, those of inner programs too."""
    for equation in jaxpr.eqns:
        yield equation
        for value in equation.params.values():
            for inner in value if isinstance(value, list | tuple) else [value]:
                if isinstance(inner, core.ClosedJaxpr):
                    yield from equations(inner.jaxpr)
                elif isinstance(inner, core.Jaxpr):
                    yield from equations(inner)


def traced(which):
    init = {"r1": NETS.init_discriminator, "path": NETS.init_generator}[which]
    loss = {"r1": penalised, "path": path_length}[which]
    params = jax.eval_shape(init, jax.random.key(0))
    return list(equations(jax.make_jaxpr(jax.grad(loss))(params).jaxpr))


@pytest.mark.slow
@pytest.mark.parametrize("which", ["r1", "path"])
def test_convolutions_of_every_gradient(which):
    seen = set()
    for equation in traced(which):
        if equation.primitive.name != "conv_general_dilated":
            continue
        specs = equation.params["dimension_numbers"]
        arrays = (*equation.invars, equation.outvars[0])
        side = max(
            array.aval.shape[axis]
            for array, spec in zip(arrays, specs, strict=True)
            for axis in spec[2:]
        )
        # A block's filtered image has one pixel more: 9 belongs to the 8 px block.
        dtype = jnp.bfloat16 if side >= FROM else jnp.float32
        assert {array.aval.dtype for array in arrays} == {jnp.dtype(dtype)}, side
        seen.add(side)
    assert {4, 8, 9, 16, 17, 32, 33} <= seen | {4}


@pytest.mark.slow
def test_styles_demodulation_and_image_sums_are_float32():
    params = jax.eval_shape(NETS.init_generator, jax.random.key(0))

    def generate(params):
        w = NETS.map(params, Z, LABEL)
        return NETS.synthesize(params, WS + w[:, None], NOISE)

    program = list(equations(jax.make_jaxpr(generate)(params).jaxpr))
    for name in ("dot_general", "rsqrt", "reduce_sum"):
        found = [e for e in program if e.primitive.name == name]
        assert found, name
        assert {e.outvars[0].aval.dtype for e in found} == {jnp.dtype("float32")}, name


@pytest.mark.slow
def test_the_last_block_of_the_discriminator_is_float32():
    params = jax.eval_shape(NETS.init_discriminator, jax.random.key(0))
    program = jax.make_jaxpr(NETS.discriminate_with_labels)(params, IMAGE, LABEL)
    for equation in equations(program.jaxpr):
        for variable in (*equation.invars, *equation.outvars):
            if variable.aval.shape[1:3] == (4, 4):
                assert variable.aval.dtype != jnp.bfloat16, equation


def test_activations_are_converted_at_the_seams_and_in_the_filter_alone():
    """Forward pass, blocks of 16 and 32 px: 16 shifted slices per 2-D filter."""
    params = jax.eval_shape(NETS.init_discriminator, jax.random.key(0))
    program = jax.make_jaxpr(NETS.discriminate)(params, IMAGE, LABEL)
    wide = [
        e
        for e in equations(program.jaxpr)
        if e.primitive.name == "convert_element_type"
        and e.invars[0].aval.ndim == 4
        and e.invars[0].aval.shape[0] == 4
        and e.invars[0].aval.dtype == jnp.bfloat16
    ]
    # Per block a filter (one slice sixteen times) and a downsampling; one seam.
    assert len(wide) == 2 * (16 + 1) + 1
