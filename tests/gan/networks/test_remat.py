"""Recomputed activations: the same gradients at any order, for less memory."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthjax.gan.networks.remat import remat
from synthjax.gan.networks.stylegan2 import StyleGAN2Config, make_networks
from synthjax.gan.regularizers import r1

SIZES = StyleGAN2Config(
    z_size=4,
    w_size=4,
    mapping_layers=1,
    label_size=4,
    channel_base=64,
    channel_max=4,
    mbstd_group=2,
)


def draw(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def make(config, resolution):
    return make_networks(config, resolution=resolution, channels=1, labels=2)


def close(tree, expected):
    assert jax.tree.structure(tree) == jax.tree.structure(expected)
    for own, other in zip(*map(jax.tree.leaves, (tree, expected)), strict=True):
        scale = float(jnp.max(jnp.abs(other))) or 1.0
        np.testing.assert_allclose(own / scale, other / scale, atol=1e-6)


def bent(params, x):
    return {"y": jnp.tanh(x @ params["a"]) @ params["b"], "x": jnp.sin(x)}


@pytest.mark.slow
def test_gradients_of_three_orders():
    params, x = {"a": draw(0, 3, 5), "b": draw(1, 5, 3)}, draw(2, 2, 3)

    def total(function, params, x):
        return jnp.sum(function(params, function(params, x)["y"])["y"] ** 2)

    def first(function, params, x):
        return jnp.sum(jax.grad(total, 2)(function, params, x) ** 2)

    def second(function, params, x):
        return jnp.sum(jax.grad(first, 2)(function, params, x) ** 2)

    with jax.enable_x64(True):
        params, x = jax.tree.map(lambda a: a.astype(jnp.float64), (params, x))
        for value in (total, first, second):
            gradient = jax.jit(jax.grad(value, (1, 2)), static_argnums=0)
            close(gradient(remat(bent), params, x), gradient(bent, params, x))


@pytest.mark.slow
def test_gradients_that_nobody_asks_for_are_not_computed():
    @jax.custom_vjp
    def forbidden(x):
        return x

    def refuse(_, cotangent):
        raise AssertionError("differentiated")

    forbidden.defvjp(lambda x: (x, None), refuse)
    run = remat(lambda weight, x: forbidden(weight) * x)
    gradient = jax.grad(lambda w, x: jnp.sum(run(w, x) ** 2), 1)(draw(0, 3), draw(1, 3))
    assert gradient.shape == (3,)


@pytest.mark.slow
def test_parameters_are_the_same():
    key = jax.random.key(0)
    plain, thrifty = make(SIZES, 8), make(replace(SIZES, remat_from=4), 8)
    for name in ("init_generator", "init_discriminator"):
        own, other = (jax.eval_shape(getattr(n, name), key) for n in (thrifty, plain))
        assert own == other


@pytest.mark.slow
def test_discriminator_gradients_with_r1():
    label, image = jnp.eye(2), draw(1, 2, 8, 8, 1)

    def gradient(nets, params):
        def loss(params):
            def logits(image):
                return nets.discriminate(params, image, label)

            return jnp.mean(logits(image) + r1(logits, image))

        return jax.grad(loss)(params)

    plain, thrifty = make(SIZES, 8), make(replace(SIZES, remat_from=8), 8)
    params = plain.init_discriminator(jax.random.key(0))
    run = jax.jit(gradient, static_argnums=0)
    close(run(thrifty, params), run(plain, params))


@pytest.mark.slow
def test_generator_gradients_with_path_length():
    plain, thrifty = make(SIZES, 8), make(replace(SIZES, remat_from=4), 8)
    params = plain.init_generator(jax.random.key(0))
    ws, direction = draw(1, 2, plain.num_ws, 4), draw(2, 2, 8, 8, 1)
    noise = tuple(draw(3 + i, 2, *s) for i, s in enumerate(plain.noise_shapes))

    def gradient(nets, params):
        def loss(params):
            def shown(ws):
                image = nets.synthesize(params, ws, noise)
                return jnp.sum(image * direction), image

            slope, image = jax.grad(shown, has_aux=True)(ws)
            return jnp.mean(image**2) + jnp.sum(slope**2)

        return jax.grad(loss)(params)

    run = jax.jit(gradient, static_argnums=0)
    close(run(thrifty, params), run(plain, params))


@pytest.mark.slow
def test_memory_falls():
    def temporaries(remat_from):
        config = replace(SIZES, channel_base=512, channel_max=32)
        nets = make(replace(config, remat_from=remat_from), 64)
        params = jax.eval_shape(nets.init_generator, jax.random.key(0))
        shapes = [(nets.num_ws, 4), *nets.noise_shapes]
        ws, *noise = [jax.ShapeDtypeStruct((4, *s), jnp.float32) for s in shapes]

        def loss(params, ws, noise):
            return jnp.sum(nets.synthesize(params, ws, noise) ** 2)

        compiled = jax.jit(jax.grad(loss)).lower(params, ws, tuple(noise)).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert temporaries(16) < 0.75 * temporaries(0)
