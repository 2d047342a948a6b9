"""Conditional pixel norm and label-selected scores: sizes, and an independent numpy
forward of both networks."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthjax.core.errors import ConfigError
from synthjax.gan.networks.cpd_gan import CpdGanConfig, make_networks
from synthjax.gan.networks.equalized import ConditionalPixelNorm

# Features: 6 at 4 and 8 px, 4 at 16 px.
SMALL = CpdGanConfig(z_size=5, channel_base=32, channel_max=6)
LABEL = jnp.asarray([[1, 0, 1], [0, 0, 0], [0, 1, 0], [1, 1, 1]], jnp.float32)


@pytest.fixture(scope="module")
def networks():
    return make_networks(SMALL, resolution=16, channels=1, labels=3)


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


@partial(jax.jit, static_argnums=0)
def generate(networks, generator, z, label):
    w = networks.map(generator, z, label)
    return networks.synthesize(generator, w[:, None], ())


@partial(jax.jit, static_argnums=0)
def judge(networks, discriminator, image, label):
    return networks.discriminate(discriminator, image, label)


# The published equations once more, in float64 numpy, nothing fused.


def plain_norm(x):
    return x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + 1e-8)


def plain_conditional_norm(x, condition, layer):
    """Sample by sample: pixel norm times gamma plus beta."""
    y = np.empty_like(x)
    for i, c in enumerate(condition):
        scale = 1 / np.sqrt(len(c))
        gamma = c @ layer["gamma"]["weight"] * scale + layer["gamma"]["bias"]
        beta = c @ layer["beta"]["weight"] * scale + layer["beta"]["bias"]
        y[i] = plain_norm(x[i]) * gamma + beta
    return y


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


def plain_layer(x, layer):
    """3x3 convolution of gain 1, bias, leaky ReLU."""
    y = plain_conv(x, layer["weight"] / np.sqrt(9 * x.shape[-1]))
    return plain_lrelu(y + layer["bias"])


def plain_generator(params, z, label):
    c = np.concatenate([z, label], axis=1)
    x = plain_norm(c) @ params["first"]["weight"] / np.sqrt(c.shape[1])
    x = x.reshape(len(x), 4, 4, -1) + params["first"]["bias"]
    x = plain_conditional_norm(plain_lrelu(x), c, params["norm_first"])
    x = plain_conditional_norm(plain_layer(x, params["conv4"]), c, params["norm4"])
    image = plain_to_image(x, params["image4"])
    for side in (8, 16):
        up = params[f"conv{side}_up"]
        # Divided by the root of nine times the *outputs*.
        weight = up["weight"] * 2**0.5 / np.sqrt(9 * up["weight"].shape[3])
        x = plain_lrelu(plain_conv(plain_up(x), weight) + up["bias"])
        x = plain_conditional_norm(x, c, params[f"norm{side}_up"])
        x = plain_layer(x, params[f"conv{side}"])
        x = plain_conditional_norm(x, c, params[f"norm{side}"])
        image = plain_up(image) + plain_to_image(x, params[f"image{side}"])
    return image


def plain_to_image(x, layer):
    return x @ layer["weight"] / np.sqrt(x.shape[-1]) + layer["bias"]


def plain_stddev(x, group):
    """A further channel: standard deviation over the group, averaged over the rest."""
    extra = np.zeros((*x.shape[:3], 1))
    for start in range(0, len(x), group):
        members = x[start : start + group]
        variance = np.mean((members - members.mean(axis=0)) ** 2, axis=0)
        extra[start : start + group] = np.mean(np.sqrt(variance + 1e-8))
    return np.concatenate([x, extra], axis=-1)


def plain_outputs(params, image):
    first = params["image"]
    x = image @ first["conv"]["weight"] / np.sqrt(image.shape[-1])
    x = plain_lrelu(x + first["bias"])
    for side in (16, 8):
        skip = params[f"skip{side}"]["conv"]["weight"] * 2**0.5 / np.sqrt(x.shape[-1])
        down = params[f"conv{side}_down"]
        weight = down["weight"] * 2**0.5 / np.sqrt(9 * x.shape[-1])
        y = plain_conv(plain_layer(x, params[f"conv{side}"]), weight)
        y = plain_lrelu(plain_down(y) + down["bias"])
        x = (y + plain_down(x @ skip)) / 2**0.5
    x = plain_layer(plain_stddev(x, 4), params["features"]["conv"])
    x = x.reshape(len(x), -1)
    dense, outputs = params["features"]["dense"], params["outputs"]
    x = plain_lrelu(x @ dense["weight"] / np.sqrt(x.shape[1]) + dense["bias"])
    return x @ outputs["weight"] / np.sqrt(x.shape[1]) + outputs["bias"]


def wide(tree):
    return jax.tree.map(lambda p: np.asarray(p, np.float64), tree)


def assert_close(own, expected):
    np.testing.assert_allclose(own, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_conditional_pixel_norm_equals_numpy():
    x, condition = 3 * draw(0, 2, 4, 4, 7), draw(1, 2, 5)
    layer = ConditionalPixelNorm()
    params = drawn(partial(layer.init, x=x, condition=condition))["params"]
    own = layer.apply({"params": params}, x, condition)
    assert_close(own, plain_conditional_norm(*wide((x, condition, params))))


@pytest.mark.slow
def test_generator_equals_numpy(networks, params):
    z = draw(0, 4, 5)
    own = generate(networks, params[0], z, LABEL)
    assert own.dtype == jnp.float32
    assert_close(own, plain_generator(*wide((params[0], z, LABEL))))


@pytest.mark.slow
def test_discriminator_equals_numpy(networks, params):
    image, label = draw(0, 8, 16, 16, 1), jnp.tile(LABEL, (2, 1))
    own = judge(networks, params[1], image, label)
    outputs = plain_outputs(*wide((params[1], image)))
    assert_close(own, np.sum(outputs * np.asarray(label), axis=1))


@pytest.mark.slow
def test_score_is_the_sum_of_the_outputs_of_labels_that_are_present(networks, params):
    image, one = draw(0, 4, 16, 16, 1), jnp.ones((4, 1), jnp.float32)
    single = [
        judge(networks, params[1], image, one * jnp.eye(3, dtype=jnp.float32)[i])
        for i in range(3)
    ]
    both = judge(networks, params[1], image, one * jnp.asarray([1.0, 0.0, 1.0]))
    np.testing.assert_allclose(both, single[0] + single[2], rtol=1e-5, atol=1e-5)
    none = judge(networks, params[1], image, jnp.zeros((4, 3), jnp.float32))
    np.testing.assert_array_equal(none, 0)


@pytest.mark.slow
def test_unknown_labels_count_as_absent(networks, params):
    z, image = draw(0, 4, 5), draw(1, 4, 16, 16, 1)
    unknown = jnp.where(LABEL == 0, jnp.nan, LABEL)
    for network, tree, shown in ((generate, params[0], z), (judge, params[1], image)):
        own = network(networks, tree, shown, unknown)
        np.testing.assert_array_equal(own, network(networks, tree, shown, LABEL))


@pytest.mark.slow
def test_without_labels_and_in_colour():
    made = make_networks(SMALL, resolution=8, channels=3, labels=0)
    generator, discriminator = (
        drawn(made.init_generator),
        drawn(made.init_discriminator),
    )
    none = jnp.zeros((4, 0), jnp.float32)
    assert (made.w_size, made.num_ws, made.noise_shapes) == (5, 1, ())
    assert made.discriminate_with_labels is None
    assert made.at_resolution is None
    image = generate(made, generator, draw(0, 4, 5), none)
    assert (image.shape, image.dtype) == ((4, 8, 8, 3), jnp.float32)
    score = judge(made, discriminator, image, none)
    assert (score.shape, score.dtype) == ((4,), jnp.float32)
    assert discriminator["outputs"]["weight"].shape == (6, 1)
    assert np.all(np.asarray(score) != 0)


@pytest.mark.slow
def test_an_image_depends_on_its_own_inputs_alone(networks, params):
    z = draw(0, 4, 5)
    together = generate(networks, params[0], z, LABEL)
    alone = generate(networks, params[0], z[2:3], LABEL[2:3])
    np.testing.assert_allclose(together[2], alone[0], rtol=1e-5, atol=1e-5)
    other = generate(networks, params[0], z, 1 - LABEL)
    assert not np.allclose(together, other, atol=0.01)


@pytest.mark.slow
def test_gradient_penalty_compiles_once_and_trains_every_layer(networks, params):
    traces = []

    @jax.jit
    @jax.grad
    def slope(discriminator, image):
        traces.append(None)

        def total(x):
            return jnp.sum(networks.discriminate(discriminator, x, LABEL))

        norm = jnp.sqrt(jnp.sum(jax.grad(total)(image) ** 2, axis=(1, 2, 3)) + 1e-8)
        return jnp.mean((norm - 1) ** 2)

    for seed in range(2):
        gradient = slope(params[1], draw(seed, 4, 16, 16, 1))
    assert len(traces) == 1
    for path, g in jax.tree_util.tree_leaves_with_path(gradient):
        assert np.all(np.isfinite(g))
        # A bias moves no slope of a piecewise linear layer.
        assert "bias" in str(path) or np.any(np.asarray(g) != 0), path


@pytest.mark.slow
def test_bfloat16_blocks_stay_near_float32(networks, params):
    config = dataclasses.replace(SMALL, bf16_from=8)
    low = make_networks(config, resolution=16, channels=1, labels=3)
    z = draw(0, 4, 5)
    full = generate(networks, params[0], z, LABEL)
    image = generate(low, params[0], z, LABEL)
    assert image.dtype == jnp.float32
    np.testing.assert_allclose(image, full, atol=0.05 * float(jnp.std(full)) + 0.02)
    score = judge(low, params[1], full, LABEL)
    assert score.dtype == jnp.float32
    np.testing.assert_allclose(score, judge(networks, params[1], full, LABEL), atol=0.1)


# Published widths: counts derived from the publication's equations.
PUBLISHED = [
    (32, 14, 25_147_396, 21_512_718),
    (64, 14, 30_946_821, 26_494_478),
    (32, 6, 25_016_324, 21_508_614),
    (64, 6, 30_799_365, 26_490_374),
]


def sizes(networks):
    key = jax.random.key(0)
    trees = (networks.init_generator, networks.init_discriminator)
    return tuple(
        sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(tree, key)))
        for tree in trees
    )


@pytest.mark.slow
@pytest.mark.parametrize(("side", "labels", "generator", "discriminator"), PUBLISHED)
def test_parameter_counts(side, labels, generator, discriminator):
    made = make_networks(CpdGanConfig(), resolution=side, channels=1, labels=labels)
    assert sizes(made) == (generator, discriminator)


@pytest.mark.slow
def test_parameter_counts_grow_by_one_level():
    config, labels = CpdGanConfig(), 14
    make = partial(make_networks, config, channels=1, labels=labels)
    below = sizes(make(resolution=64))
    for side in (128, 256, 512):
        outer, inner = config.channels(side), config.channels(side // 2)
        norm = 2 * (config.z_size + labels + 1) * outer
        generator = 9 * (inner + outer) * outer + 2 * outer + 2 * norm + (outer + 1)
        discriminator = 10 * outer * inner + 9 * outer**2 + outer + inner
        discriminator += 2 * (outer - inner)  # the first layer moves up
        here = sizes(make(resolution=side))
        assert (here[0] - below[0], here[1] - below[1]) == (generator, discriminator)
        below = here


def test_published_channels():
    channels = [CpdGanConfig().channels(side) for side in (4, 64, 128, 256, 512)]
    assert channels == [512, 512, 256, 128, 64]


@pytest.mark.slow
def test_initial_weights_are_unit_normal_and_biases_zero(networks):
    tree = networks.init_generator(jax.random.key(0))
    weights = []
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        assert leaf.dtype == jnp.float32
        assert not leaf.weak_type
        if "bias" in str(path):
            assert np.all(np.asarray(leaf) == 0)
        else:
            weights.append(np.ravel(leaf))
    assert np.std(np.concatenate(weights)) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("field", ["z_size", "channel_base", "mbstd_group"])
def test_config_checks_ranges(field):
    with pytest.raises(ConfigError, match=f"{field}=0"):
        CpdGanConfig(**{field: 0})


@pytest.mark.parametrize("resolution", [0, 4, 24])
def test_resolution_must_be_a_power_of_two(resolution):
    with pytest.raises(ConfigError, match="power of two"):
        make_networks(SMALL, resolution=resolution, channels=1, labels=3)
