"""The growing GAN: an independent numpy forward, growth and fades."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthjax.core.errors import ConfigError
from synthjax.gan.networks.convolution import mean_down, nearest_up
from synthjax.gan.networks.equalized import conditions, pixel_norm
from synthjax.gan.networks.prog_gan import ProgGanConfig, make_networks

# Features: 6 at 4 and 8 px, 4 at 16 px.
SMALL = ProgGanConfig(z_size=5, channel_base=32, channel_max=6)
LABELS = 3


@pytest.fixture(scope="module")
def networks():
    return make_networks(SMALL, resolution=16, channels=1, labels=LABELS)


@pytest.fixture(scope="module")
def params(networks):
    """Parameters of both networks, biases not zero, so that they count."""
    return drawn(networks.init_generator), drawn(networks.init_discriminator)


def drawn(init):
    random = np.random.default_rng(0)

    def draw(leaf):
        return jnp.asarray(random.normal(size=leaf.shape), jnp.float32)

    return jax.tree.map(draw, jax.eval_shape(init, jax.random.key(0)))


def draw(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


@partial(jax.jit, static_argnums=(0, 1))
def generate(networks, side, fade, generator, z, label):
    grown = networks.at_resolution(side, fade)
    return grown.synthesize(generator, grown.map(generator, z, label)[:, None], ())


@partial(jax.jit, static_argnums=(0, 1))
def judge(networks, side, fade, discriminator, image, label):
    grown = networks.at_resolution(side, fade)
    return grown.discriminate_with_labels(discriminator, image, label)


LABEL = jnp.asarray([[1, 0, 1], [0, 0, 0], [0, 1, 0], [1, 1, 1]], jnp.float32)


# The published equations once more, in float64 numpy, nothing fused.


def plain_norm(x):
    return x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + 1e-8)


def plain_lrelu(x):
    return np.where(x > 0, x, 0.2 * x)


def plain_conv(image, weight):
    _, height, width, _ = image.shape
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return sum(
        padded[:, i : i + height, j : j + width] @ weight[i, j]
        for i in range(3)
        for j in range(3)
    )


def plain_up(image):
    return np.repeat(np.repeat(image, 2, axis=1), 2, axis=2)


def plain_down(image):
    return sum(image[:, i::2, j::2] for i in range(2) for j in range(2)) / 4


def plain_layer(x, layer, gain=2**0.5):
    """Scaled convolution (3x3 or 1x1), bias, leaky ReLU."""
    weight = layer["weight"] if "weight" in layer else layer["conv"]["weight"]
    fan_in = weight.size / weight.shape[-1]
    weight = weight * gain / np.sqrt(fan_in)
    y = plain_conv(x, weight) if weight.ndim == 4 else x @ weight
    return plain_lrelu(y + layer["bias"])


def plain_to_image(x, layer):
    return x @ layer["weight"] / np.sqrt(x.shape[-1]) + layer["bias"]


def plain_generator(params, z, label, side, fade):
    x = plain_norm(np.concatenate([z, label], axis=1))
    x = x @ params["first"]["weight"] * (2**0.5 / 4) / np.sqrt(x.shape[1])
    x = x.reshape(len(x), 4, 4, -1) + params["first"]["bias"]
    x = plain_norm(plain_lrelu(x))
    x = plain_norm(plain_layer(x, params["conv4"]))
    for level in [8, 16][: side // 8]:
        before = x
        x = plain_norm(plain_layer(plain_up(x), params[f"conv{level}_up"]))
        x = plain_norm(plain_layer(x, params[f"conv{level}"]))
    new = plain_to_image(x, params[f"image{side}"])
    old = plain_up(plain_to_image(before, params[f"image{side // 2}"]))
    return fade * new + (1 - fade) * old


def plain_stddev(x, group):
    """A further channel: standard deviation over the group, averaged over the rest."""
    extra = np.zeros((*x.shape[:3], 1))
    for start in range(0, len(x), group):
        members = x[start : start + group]
        variance = np.mean((members - members.mean(axis=0)) ** 2, axis=0)
        extra[start : start + group] = np.mean(np.sqrt(variance + 1e-8))
    return np.concatenate([x, extra], axis=-1)


def plain_discriminator(params, image, side, fade):
    x = plain_layer(image, params[f"image{side}"])
    for level in [16, 8][2 - side // 8 :]:
        x = plain_layer(x, params[f"conv{level}"])
        down = params[f"conv{level}_down"]
        weight = down["weight"] * 2**0.5 / np.sqrt(9 * x.shape[-1])
        x = plain_lrelu(plain_down(plain_conv(x, weight)) + down["bias"])
        if level == side:
            old = plain_layer(plain_down(image), params[f"image{side // 2}"])
            x = fade * x + (1 - fade) * old
    x = plain_layer(plain_stddev(x, 4), params["features"]["conv"])
    x = plain_layer(x.reshape(len(x), -1), params["features"]["dense"])
    outputs = params["outputs"]
    return x @ outputs["weight"] / np.sqrt(x.shape[-1]) + outputs["bias"]


def wide(tree):
    return jax.tree.map(lambda p: np.asarray(p, np.float64), tree)


def assert_close(own, expected):
    np.testing.assert_allclose(own, expected, rtol=1e-5, atol=1e-5)


def test_pixel_norm_equals_numpy():
    x = 3 * draw(0, 2, 4, 4, 7)
    assert_close(pixel_norm(x), plain_norm(np.asarray(x, np.float64)))


# At 8 px the growth begins: there is nothing to fade.
@pytest.mark.slow
@pytest.mark.parametrize(("side", "fade"), [(16, 1.0), (16, 0.3), (8, 1.0)])
def test_generator_equals_numpy(networks, params, side, fade):
    z = draw(0, 4, 5)
    own = generate(networks, side, jnp.float32(fade), params[0], z, LABEL)
    expected = plain_generator(*wide((params[0], z, LABEL)), side, fade)
    assert_close(own, expected)


@pytest.mark.slow
@pytest.mark.parametrize(("side", "fade"), [(16, 1.0), (16, 0.3), (8, 1.0)])
def test_discriminator_equals_numpy(networks, params, side, fade):
    image = draw(0, 8, side, side, 1)
    label = jnp.tile(LABEL, (2, 1))
    score, logits = judge(networks, side, jnp.float32(fade), params[1], image, label)
    expected = plain_discriminator(*wide((params[1], image)), side, fade)
    assert_close(score, expected[:, 0])
    assert_close(logits, expected[:, 1:])


@pytest.mark.slow
def test_plain_functions_are_the_fully_grown_ones(networks, params):
    z, image = draw(0, 4, 5), draw(1, 4, 16, 16, 1)
    w = networks.map(params[0], z, LABEL)
    own = jax.jit(networks.synthesize)(params[0], w[:, None], ())
    assert own.dtype == jnp.float32
    assert_close(own, generate(networks, 16, jnp.float32(1), params[0], z, LABEL))
    score = jax.jit(networks.discriminate)(params[1], image, LABEL)
    grown = judge(networks, 16, jnp.float32(1), params[1], image, LABEL)
    assert_close(score, grown[0])


@pytest.mark.slow
def test_fade_zero_is_the_level_below(networks, params):
    z, image = draw(0, 4, 5), draw(1, 4, 16, 16, 1)
    zero, one = jnp.float32(0), jnp.float32(1)
    before = generate(networks, 8, one, params[0], z, LABEL)
    faded = generate(networks, 16, zero, params[0], z, LABEL)
    np.testing.assert_allclose(faded, nearest_up(before), rtol=1e-6, atol=1e-6)
    before = judge(networks, 8, one, params[1], mean_down(image), LABEL)
    faded = judge(networks, 16, zero, params[1], image, LABEL)
    for a, b in zip(faded, before, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


def test_the_start_resolution_has_nothing_to_fade(networks, params):
    z = draw(0, 4, 5)
    zero, one = (
        generate(networks, 8, jnp.float32(fade), params[0], z, LABEL) for fade in (0, 1)
    )
    np.testing.assert_array_equal(zero, one)


@pytest.mark.slow
def test_one_compilation_serves_a_whole_fade(networks, params):
    traces = []

    @jax.jit
    def step(params, fade, z, label):
        traces.append(None)
        grown = networks.at_resolution(16, fade)
        w = grown.map(params[0], z, label)
        image = grown.synthesize(params[0], w[:, None], ())
        return jnp.mean(grown.discriminate(params[1], image, label))

    fades = [jnp.float32(fade) for fade in (0.0, 0.25, 1.0)]
    scores = {float(step(params, fade, draw(0, 4, 5), LABEL)) for fade in fades}
    assert len(traces) == 1
    assert len(scores) == 3


@pytest.mark.slow
def test_levels_not_yet_grown_get_no_gradient(networks, params):
    lower = networks.at_resolution(8, None)

    @jax.jit
    @jax.grad
    def slope(generator, z):
        w = lower.map(generator, z, LABEL)
        return jnp.sum(lower.synthesize(generator, w[:, None], ()) ** 2)

    gradient = slope(params[0], draw(0, 4, 5))
    for name, layer in gradient.items():
        largest = max(float(jnp.max(jnp.abs(g))) for g in jax.tree.leaves(layer))
        assert (largest == 0) == (name in {"conv16_up", "conv16", "image16", "image4"})


@pytest.mark.slow
def test_gradient_penalty_trains_every_layer(networks, params):
    """The double backward pass is finite and reaches all that a fade uses."""

    @jax.jit
    @jax.grad
    def slope(discriminator, image):
        faded = networks.at_resolution(16, jnp.float32(0.5))

        def total(x):
            return jnp.sum(faded.discriminate(discriminator, x, LABEL))

        norm = jnp.sqrt(jnp.sum(jax.grad(total)(image) ** 2, axis=(1, 2, 3)))
        return jnp.mean((norm - 1) ** 2)

    gradient = slope(params[1], draw(0, 4, 16, 16, 1))
    for path, g in jax.tree_util.tree_leaves_with_path(gradient):
        assert np.all(np.isfinite(g))
        # A bias moves no slope of a piecewise linear layer, and 4 px is not shown.
        if "weight" in str(path) and "image4" not in str(path):
            assert np.any(np.asarray(g) != 0), path


def test_initial_weights_are_unit_normal_and_biases_zero(networks):
    tree = networks.init_discriminator(jax.random.key(0))
    weights = []
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        assert leaf.dtype == jnp.float32
        assert not leaf.weak_type
        if "bias" in str(path):
            assert np.all(np.asarray(leaf) == 0)
        else:
            weights.append(np.ravel(leaf))
    assert np.std(np.concatenate(weights)) == pytest.approx(1, abs=0.05)


def test_without_labels_and_in_colour():
    made = make_networks(SMALL, resolution=8, channels=3, labels=0)
    none, key = jnp.zeros((4, 0)), jax.random.key(0)
    assert (made.w_size, made.num_ws, made.noise_shapes) == (5, 1, ())
    assert made.discriminate_with_labels is None
    generator, discriminator = (
        jax.eval_shape(init, key)
        for init in (made.init_generator, made.init_discriminator)
    )
    image = jax.eval_shape(
        lambda p: made.synthesize(p, made.map(p, draw(0, 4, 5), none)[:, None], ()),
        generator,
    )
    assert (image.shape, image.dtype) == ((4, 8, 8, 3), jnp.float32)
    score = jax.eval_shape(made.discriminate, discriminator, image, none)
    assert (score.shape, score.dtype) == ((4,), jnp.float32)


def test_unknown_labels_count_as_absent():
    z, label = draw(0, 2, 5), jnp.asarray([[1.0, jnp.nan], [0.0, 1.0]])
    expected = np.concatenate([z, [[1, 0], [0, 1]]], axis=1)
    np.testing.assert_array_equal(conditions(z, label), expected)


@pytest.mark.slow
def test_an_image_depends_on_its_own_inputs_alone(networks, params):
    z, one = draw(0, 4, 5), jnp.float32(1)
    together = generate(networks, 16, one, params[0], z, LABEL)
    alone = generate(networks, 16, one, params[0], z[2:3], LABEL[2:3])
    np.testing.assert_allclose(together[2], alone[0], rtol=1e-5, atol=1e-5)
    other = generate(networks, 16, one, params[0], z, 1 - LABEL)
    assert not np.allclose(together, other, atol=0.01)


@pytest.mark.slow
def test_bfloat16_blocks_stay_near_float32(networks, params):
    config = dataclasses.replace(SMALL, bf16_from=8)
    low = make_networks(config, resolution=16, channels=1, labels=LABELS)
    z, half = draw(0, 4, 5), jnp.float32(0.5)
    full = generate(networks, 16, half, params[0], z, LABEL)
    image = generate(low, 16, half, params[0], z, LABEL)
    assert image.dtype == jnp.float32
    np.testing.assert_allclose(image, full, atol=0.05 * float(jnp.std(full)) + 0.02)
    expected = judge(networks, 16, half, params[1], full, LABEL)
    for own, wanted in zip(
        judge(low, 16, half, params[1], full, LABEL), expected, strict=True
    ):
        assert own.dtype == jnp.float32
        np.testing.assert_allclose(own, wanted, atol=0.1)


@pytest.mark.parametrize("side", [4, 12, 32])
def test_only_its_own_levels_can_be_asked_for(networks, side):
    with pytest.raises(ConfigError, match=f"resolution={side}.*from 8 to 16"):
        networks.at_resolution(side, None)


def test_config_checks_ranges():
    with pytest.raises(ConfigError, match="z_size=0"):
        ProgGanConfig(z_size=0)
    with pytest.raises(ConfigError, match="start_resolution=6.*power of two"):
        ProgGanConfig(start_resolution=6)
    with pytest.raises(ConfigError, match="start_resolution=32.*at most.*16"):
        late = ProgGanConfig(start_resolution=32)
        make_networks(late, resolution=16, channels=1, labels=0)
    with pytest.raises(ConfigError, match="resolution=24.*power of two"):
        make_networks(SMALL, resolution=24, channels=1, labels=0)
