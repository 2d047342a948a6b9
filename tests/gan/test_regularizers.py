"""Penalties, truncation and EMA decay against their definitions."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthjax.core import rng
from synthjax.gan.networks.stylegan2 import StyleGAN2Config, make_networks
from synthjax.gan.regularizers import (
    ema_decay,
    gradient_penalty,
    interpolate,
    next_path_length_mean,
    path_length_penalty,
    path_lengths,
    r1,
)

H, W_IMAGE, C = 4, 6, 2  # a height and a width that no normalisation may confuse
N, W = 3, 5  # styles per image, numbers in each


def draw(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def keys_of(seed, count):
    return jax.random.split(jax.random.key(seed), count)


@pytest.fixture(scope="module")
def small():
    config = StyleGAN2Config(
        z_size=4,
        w_size=4,
        mapping_layers=1,
        label_size=4,
        channel_base=64,
        channel_max=4,
        mbstd_group=1,
    )
    networks = make_networks(config, resolution=8, channels=1, labels=3)
    return networks, networks.init_generator(jax.random.key(0))


def slope_of(function, params, direction, step):
    """Derivative along a direction: by central differences, and by autodiff."""

    function = jax.jit(jax.value_and_grad(function))
    ends = []
    for moved in (step, -step):
        there = jax.tree.map(lambda p, d, by=moved: p + by * d, params, direction)
        ends.append(float(function(there)[0]))
    products = jax.tree.map(np.vdot, function(params)[1], direction)
    return (ends[0] - ends[1]) / (2 * step), float(sum(jax.tree.leaves(products)))


def random_like(tree, seed):
    leaves, structure = jax.tree.flatten(tree)
    return structure.unflatten(
        [draw(seed + i, *leaf.shape) for i, leaf in enumerate(leaves)]
    )


@pytest.mark.slow
def test_r1_of_a_quadratic_is_closed_form():
    x = draw(0, 3, 4, 4, 2)
    penalty = r1(lambda image: 1.5 * jnp.sum(image**2, axis=(1, 2, 3)), x)
    expected = 9.0 * np.sum(np.asarray(x, np.float64) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(penalty, expected, rtol=1e-5)


@pytest.mark.slow
def test_r1_equals_finite_differences_on_the_discriminator(small):
    networks, _ = small
    params = networks.init_discriminator(jax.random.key(0))
    label = jnp.asarray([[0.0, 1.0, 1.0]])
    x = draw(1, 1, 8, 8, 1)

    @jax.jit
    def logits(image):
        return networks.discriminate(params, image, jnp.repeat(label, len(image), 0))

    penalty = jax.jit(lambda image: r1(logits, image))(x)
    steps = jnp.eye(64, dtype=jnp.float32).reshape(64, 8, 8, 1) * 1e-2
    both = np.asarray(logits(jnp.concatenate([x + steps, x - steps])), np.float64)
    slope = (both[:64] - both[64:]) / 2e-2
    np.testing.assert_allclose(penalty[0], np.sum(slope**2), rtol=2e-2)


@pytest.mark.slow
def test_interpolation_is_on_the_line_and_each_sample_by_itself():
    real, synthetic = draw(0, 5, H, W_IMAGE, C), draw(1, 5, H, W_IMAGE, C)
    keys = keys_of(2, 5)
    mix = jax.jit(interpolate)
    mixed = np.asarray(mix(real, synthetic, keys), np.float64)
    share = (mixed - real) / (np.asarray(synthetic, np.float64) - real)
    expected = [jax.random.uniform(rng.key(key, "interpolate"), ()) for key in keys]
    assert len(set(map(float, expected))) == 5
    spread = np.abs(share - np.reshape(expected, (5, 1, 1, 1)))
    assert (
        np.median(spread) < 1e-6 and np.max(spread) < 1e-3
    )  # where they differ little
    alone = mix(real[3:4], synthetic[3:4], keys[3:4])
    np.testing.assert_array_equal(alone[0], np.float32(mixed[3]))


@pytest.mark.slow
def test_interpolation_is_uniform():
    ends = jnp.zeros((2000, 1, 1, 1)), jnp.ones((2000, 1, 1, 1))
    share = np.sort(np.ravel(interpolate(*ends, keys_of(0, 2000))))
    gap = np.max(np.abs(share - (np.arange(2000) + 0.5) / 2000))
    assert gap < 1.63 / 2000**0.5  # Kolmogorov and Smirnov, p = 0.01


@pytest.mark.slow
@pytest.mark.parametrize("target", [1.0, 0.5, 0.0])
def test_gradient_penalty_is_closed_form(target):
    x, direction = draw(0, 3, H, W_IMAGE, C), draw(1, H, W_IMAGE, C)
    norm = np.linalg.norm(np.asarray(direction, np.float64))
    linear = gradient_penalty(
        lambda image: jnp.einsum("bhwc,hwc->b", image, direction), x, target
    )
    np.testing.assert_allclose(linear, np.full(3, (norm - target) ** 2), rtol=1e-5)
    quadratic = gradient_penalty(
        lambda image: 0.5 * jnp.sum(image**2, axis=(1, 2, 3)), x, target
    )
    norms = np.linalg.norm(np.asarray(x, np.float64).reshape(3, -1), axis=1)
    np.testing.assert_allclose(quadratic, (norms - target) ** 2, rtol=1e-5)
    assert linear.dtype == quadratic.dtype == jnp.float32


@pytest.mark.slow
@pytest.mark.parametrize("norm", [1e-3, 0.3, 1.0])
def test_nothing_under_the_root_shifts_the_norm(norm):
    x = jnp.zeros((1, 1, 1, 1), jnp.float32)
    penalty = gradient_penalty(lambda image: norm * image[:, 0, 0, 0], x, 0.0)
    np.testing.assert_allclose(np.sqrt(penalty), norm, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_gradient_penalty_of_a_flat_discriminator_has_a_gradient():
    x = draw(0, 2, H, W_IMAGE, C)

    def objective(scale):
        def discriminate(image):
            return scale * jnp.sum(image**2, axis=(1, 2, 3))

        return jnp.mean(gradient_penalty(discriminate, x))

    flat = jax.value_and_grad(objective)(jnp.float32(0.0))
    np.testing.assert_allclose(flat[0], 1.0, rtol=1e-6)
    assert np.isfinite(flat[1])
    steep, slope = jax.value_and_grad(objective)(jnp.float32(0.25))
    norms = np.linalg.norm(np.asarray(x, np.float64).reshape(2, -1), axis=1)
    np.testing.assert_allclose(steep, np.mean((norms / 2 - 1) ** 2), rtol=1e-5)
    np.testing.assert_allclose(slope, np.mean(4 * norms * (norms / 2 - 1)), rtol=1e-5)


@pytest.mark.slow
def test_gradient_penalty_trains_as_finite_differences_say():
    """On a smooth discriminator: a leaky ReLU's slope jumps, and so does a penalty."""
    x = draw(1, 2, H, W_IMAGE, C)
    params = {"in": draw(2, H * W_IMAGE * C, 8) / 7, "out": draw(3, 8)}

    def objective(params):
        def discriminate(image):
            return jnp.tanh(image.reshape(2, -1) @ params["in"]) @ params["out"]

        return jnp.mean(gradient_penalty(discriminate, x))

    difference, slope = slope_of(objective, params, random_like(params, 7), 1e-3)
    np.testing.assert_allclose(slope, difference, rtol=1e-3)


def linear_generator(seed):
    """Each of the N styles moves the image by a matrix of its own."""
    matrix = draw(seed, N, W, H, W_IMAGE, C)
    return matrix, lambda ws: jnp.einsum("bnw,nwhjc->bhjc", ws, matrix)


@pytest.mark.slow
def test_path_length_of_a_linear_generator_is_closed_form():
    matrix, synthesize = linear_generator(0)
    ws, keys = draw(1, 4, N, W), keys_of(2, 4)
    lengths = jax.jit(partial(path_lengths, synthesize))(ws, keys)
    expected = []
    for key in keys:
        y = jax.random.normal(rng.key(key, "path length"), (H, W_IMAGE, C))
        y = np.asarray(y, np.float64) / np.sqrt(H * W_IMAGE)
        rows = np.einsum("nwhjc,hjc->nw", np.asarray(matrix, np.float64), y)
        expected.append(np.sqrt(np.mean(np.sum(rows**2, axis=1))))
    np.testing.assert_allclose(lengths, expected, rtol=1e-5)
    assert lengths.dtype == jnp.float32
    alone = path_lengths(synthesize, ws[2:3], keys[2:3])
    np.testing.assert_allclose(alone[0], lengths[2], rtol=1e-6)


@pytest.mark.slow
def test_path_length_is_normalised_by_height_and_width():
    """E ||J^T y||^2 is the squared norm of J over h w, whatever the batch."""
    matrix, synthesize = linear_generator(3)
    count = 4000
    lengths = jax.jit(partial(path_lengths, synthesize))(
        jnp.zeros((count, N, W)), keys_of(4, count)
    )
    square = np.asarray(lengths, np.float64) ** 2
    expected = np.sum(np.asarray(matrix, np.float64) ** 2) / N / (H * W_IMAGE)
    assert abs(square.mean() - expected) < 4 * square.std() / count**0.5
    for wrong in (H * H, W_IMAGE * W_IMAGE, count * H):
        other = expected * H * W_IMAGE / wrong
        assert abs(square.mean() - other) > 10 * square.std() / count**0.5


@pytest.mark.slow
def test_path_length_is_the_same_at_any_resolution():
    """A generator that only paints larger pixels moves its images as far."""

    @partial(jax.jit, static_argnums=0)
    def mean_square(times):
        def synthesize(ws):
            small = ws.reshape(-1, 4, 6, 1)
            return jnp.repeat(jnp.repeat(small, times, axis=1), times, axis=2)

        lengths = path_lengths(synthesize, jnp.zeros((3000, 1, 24)), keys_of(0, 3000))
        return jnp.mean(jnp.square(lengths))

    np.testing.assert_allclose(mean_square(1), 1.0, rtol=0.03)
    np.testing.assert_allclose(mean_square(3), 1.0, rtol=0.03)


@pytest.mark.slow
def test_path_lengths_need_no_image_and_no_gradient():
    """At a generator that ignores its styles the length is 0 and trains finitely."""
    ws, keys = draw(0, 2, N, W), keys_of(0, 2)

    def objective(scale):
        def synthesize(ws):
            return scale * jnp.sum(ws, axis=(1, 2))[:, None, None, None] + jnp.ones(
                (1, H, W_IMAGE, C)
            )

        lengths = path_lengths(synthesize, ws, keys)
        return jnp.mean(path_length_penalty(lengths, jnp.float32(2.0))), lengths

    (value, lengths), slope = jax.value_and_grad(objective, has_aux=True)(
        jnp.float32(0.0)
    )
    np.testing.assert_allclose(lengths, 0.0, atol=1e-6)
    np.testing.assert_allclose(value, 4.0, rtol=1e-6)
    assert np.isfinite(slope)


@pytest.mark.slow
def test_path_length_penalty_trains_the_generator_as_finite_differences_say(small):
    """Along the weights behind the last leaky ReLUs, where the penalty is smooth."""
    networks, params = small
    ws, keys = draw(1, 2, networks.num_ws, networks.w_size), keys_of(2, 2)
    noise = tuple(draw(3, 2, *shape) for shape in networks.noise_shapes)

    def objective(synthesis):
        def synthesize(ws):
            return networks.synthesize(params | {"synthesis": synthesis}, ws, noise)

        lengths = path_lengths(synthesize, ws, keys)
        return jnp.mean(path_length_penalty(lengths, jnp.float32(0.1)))

    synthesis = params["synthesis"]
    direction = jax.tree.map(jnp.zeros_like, synthesis)
    for name in ("image4", "image8"):
        direction[name]["weight"] = draw(5, *synthesis[name]["weight"].shape)
    difference, slope = slope_of(objective, synthesis, direction, 1e-2)
    np.testing.assert_allclose(slope, difference, rtol=1e-3)


@pytest.mark.slow
def test_path_length_mean_follows_and_is_not_moved_by_the_penalty():
    lengths = jnp.asarray([1.0, 3.0], jnp.float32)
    mean = jnp.float32(1.5)
    np.testing.assert_array_equal(path_length_penalty(lengths, mean), [0.25, 2.25])
    slopes = jax.grad(lambda x, m: jnp.sum(path_length_penalty(x, m)), argnums=(0, 1))(
        lengths, mean
    )
    np.testing.assert_array_equal(slopes[0], [-1.0, 3.0])
    assert slopes[1] == 0
    average = jnp.float32(0.0)
    follow = jax.jit(next_path_length_mean)
    for _ in range(100):
        average = follow(average, jnp.float32(2.0))
    np.testing.assert_allclose(average, 2 * (1 - 0.99**100), rtol=1e-5)
    assert average.dtype == jnp.float32 and not average.weak_type
    held = jax.grad(lambda x: next_path_length_mean(average, x))(jnp.float32(2.0))
    assert held == 0


@pytest.mark.parametrize("batch_size", [8, 32])
def test_ema_half_life_is_kept_at_any_batch_size(batch_size):
    half_life_kimg = 1.6
    average, images = 1.0, 0
    while images < half_life_kimg * 1000:
        images += batch_size
        decay = float(ema_decay(batch_size, 1e6, half_life_kimg, 0.05))
        average = decay * average  # the new value is 0
    assert images == half_life_kimg * 1000
    np.testing.assert_allclose(average, 0.5, rtol=1e-4)


def test_ema_ramp_up_shortens_the_half_life_early():
    early = float(ema_decay(10, 1.0, 10.0, 0.05))
    np.testing.assert_allclose(early, 0.5 ** (10 / 50), rtol=1e-5)
    late = float(ema_decay(10, 1000.0, 10.0, 0.05))
    np.testing.assert_allclose(late, 0.5 ** (10 / 10000), rtol=1e-5)
    assert float(ema_decay(10, 0.0, 10.0, 0.05)) == 0.0  # nothing shown: no memory
    without = float(ema_decay(10, 0.0, 10.0, 0.0))
    np.testing.assert_allclose(without, late, rtol=1e-6)
