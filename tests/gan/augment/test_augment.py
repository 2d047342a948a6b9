"""Each augmentation against its definition, its probability, and the control of p.

Geometry is read off ramps: two channels hold each pixel's row and column, so that the
middle of the augmented image tells the transform; scipy then repeats it.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage, stats

from synthjax.core.errors import ConfigError
from synthjax.gan.augment.augment import (
    OPERATIONS,
    AugmentConfig,
    _draw,
    augment,
)

SMOOTH = ("scale", "rotate", "stretch", "translate_fraction")  # of the geometry
EXACT = ("flip", "rotate90", "translate")
COLOUR = ("brightness", "contrast", "invert", "noise", "cutout")
AUGMENTED = jax.jit(augment, static_argnames="config")
CHANCE = 1e-3  # of a statistical test failing on right code; seeds are fixed


def only(mode="fixed", **strengths):
    """A config in which nothing but these operations happens."""
    return AugmentConfig(
        mode=mode, **(dict.fromkeys(EXACT + SMOOTH + COLOUR, 0) | strengths)
    )


def keys_of(count, seed=0):
    return jax.random.split(jax.random.key(seed), count)


def run(config, image, p=1.0, seed=0):
    keys = keys_of(image.shape[0], seed)
    return np.asarray(AUGMENTED(jnp.asarray(image), keys, jnp.float32(p), config))


def noise_images(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def ramps(count, side):
    """Rows, columns and a smooth texture, the same for every sample."""
    centred = np.arange(side) - (side - 1) / 2
    row, column = np.meshgrid(centred, centred, indexing="ij")
    texture = ndimage.gaussian_filter(noise_images(side, side), 1.5, mode="mirror")
    image = np.stack([row, column, texture], axis=-1).astype(np.float32)
    return np.broadcast_to(image, (count, side, side, 3)), row, column


def transforms(augmented, row, column):
    """Output-to-input matrices, [n, 2, 3] on (row, column, 1), by least squares."""
    half = row.shape[0] // 2
    middle = (slice(half - 3, half + 3),) * 2
    where = np.stack([row[middle], column[middle], np.ones((6, 6))], axis=-1)
    design = where.reshape(-1, 3)
    values = augmented[:, middle[0], middle[1], :2].reshape(-1, 36, 2)
    fitted = [np.linalg.lstsq(design, v, rcond=None)[0].T for v in values]
    straight = np.einsum("pk,nik->npi", design, np.stack(fitted))
    np.testing.assert_allclose(straight, values, atol=1e-3)  # no edge in the middle
    return np.stack(fitted)


def scipy_warp(image, matrix):
    centre = (np.array(image.shape) - 1) / 2
    linear, shift = matrix[:, :2], matrix[:, 2]
    offset = centre + shift - linear @ centre
    return ndimage.affine_transform(image, linear, offset, order=3, mode="mirror")


def moved(config, count=64, side=64):
    """The transforms of `count` samples, each checked over the whole image."""
    image, row, column = ramps(count, side)
    out = run(config, image)
    matrices = transforms(out, row, column)
    for one, matrix in zip(out[:8], matrices, strict=False):
        expected = scipy_warp(image[0, ..., 2].astype(np.float64), matrix)
        np.testing.assert_allclose(one[..., 2], expected, atol=2e-4)
    return matrices


def assert_normal(values, std):
    assert stats.kstest(np.ravel(values) / std, "norm").pvalue > CHANCE


@pytest.mark.slow
def test_scale_zooms_both_axes_alike():
    linear = moved(only(scale=0.2))[:, :, :2]
    assert_normal(np.log2(linear[:, 0, 0]), 0.2)
    expected = linear[:, :1, :1] * np.eye(2)
    np.testing.assert_allclose(linear, expected, atol=1e-5)


@pytest.mark.slow
def test_stretch_keeps_the_area():
    linear = moved(only(stretch=0.2))[:, :, :2]
    assert_normal(np.log2(linear[:, 0, 0]), 0.2)
    np.testing.assert_allclose(linear[:, 0, 0] * linear[:, 1, 1], 1, atol=1e-5)
    np.testing.assert_allclose(linear[:, [0, 1], [1, 0]], 0, atol=1e-5)


@pytest.mark.slow
def test_rotation_turns_by_any_angle():
    matrices = moved(only(rotate=1.0))
    cosine, sine = matrices[:, 0, 0], matrices[:, 0, 1]
    expected = np.stack([[cosine, sine], [-sine, cosine]]).transpose(2, 0, 1)
    np.testing.assert_allclose(matrices[:, :, :2], expected, atol=1e-5)
    np.testing.assert_allclose(np.linalg.det(expected), 1, atol=1e-5)
    np.testing.assert_allclose(matrices[:, :, 2], 0, atol=1e-4)
    angle = np.arctan2(sine, cosine) / (2 * np.pi) + 0.5
    assert stats.kstest(angle, "uniform").pvalue > CHANCE


@pytest.mark.slow
def test_fractional_translation_shifts_each_axis():
    matrices = moved(only(translate_fraction=0.05))
    assert_normal(matrices[:, :, 2], 0.05 * 64)
    np.testing.assert_allclose(matrices[:, :, :2] - np.eye(2), 0, atol=1e-5)


@pytest.mark.slow
def test_translation_is_by_whole_pixels_up_to_the_limit():
    shift = moved(only(translate=0.125))[:, :, 2]
    np.testing.assert_allclose(shift, np.round(shift), atol=1e-4)
    assert set(np.abs(np.round(shift)).ravel().astype(int)) == set(range(9))


@pytest.mark.slow
def test_nothing_is_mirrored_turned_over_or_negated_by_default():
    config = AugmentConfig(mode="ada")
    assert config.flip == config.rotate90 == config.invert == 0
    strengths = {name: getattr(config, name) for name in ("scale", "rotate", "stretch")}
    matrices = moved(only(**strengths))
    assert np.all(np.linalg.det(matrices[:, :, :2]) > 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["flip", "rotate90", "invert"])
def test_flips_are_a_fair_choice(name):
    image = noise_images(256, 8, 8, 3)
    out = run(only(**{name: 1}), image)
    choices = {
        "flip": [image, image[:, :, ::-1]],
        "rotate90": [np.rot90(image, k, (1, 2)) for k in range(4)],
        "invert": [image, image - 2 * image.mean(axis=-1, keepdims=True)],
    }[name]
    near = np.array([np.abs(out - c).max(axis=(1, 2, 3)) < 1e-5 for c in choices])
    np.testing.assert_array_equal(near.sum(axis=0), 1)
    assert stats.chisquare(near.sum(axis=1)).pvalue > CHANCE


@pytest.mark.slow
def test_grey_is_negated_about_mid_grey():
    image = noise_images(16, 8, 8, 1)
    out = run(only(invert=1), image)
    sign = out[:, :1, :1] / image[:, :1, :1]
    np.testing.assert_allclose(out, sign * image, rtol=1e-6)
    assert set(sign.ravel().tolist()) == {-1.0, 1.0}


@pytest.mark.slow
def test_brightness_then_contrast():
    image = noise_images(128, 8, 8, 3)
    added = run(only(brightness=0.2), image) - image
    np.testing.assert_allclose(added, added[:, :1, :1, :1] + 0 * image, atol=1e-6)
    assert_normal(added[:, 0, 0, 0], 0.2)
    factor = run(only(contrast=0.5), image)[:, :1, :1, :1] / image[:, :1, :1, :1]
    assert_normal(np.log2(factor), 0.5)
    both = run(only(brightness=0.2, contrast=0.5), image)
    expected = (image + added[:, :1, :1, :1]) * factor
    np.testing.assert_allclose(both, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_noise_is_gaussian_of_a_level_of_its_own():
    added = run(only(noise=0.1), np.zeros((128, 16, 16, 1), np.float32))
    level = added.std(axis=(1, 2, 3))
    assert stats.kstest(level / 0.1, "halfnorm").pvalue > CHANCE
    assert_normal(added / level[:, None, None, None], 1.0)


@pytest.mark.slow
def test_cutout_is_one_rectangle_of_half_the_sides():
    out = run(only(cutout=0.5), np.ones((128, 16, 24, 1), np.float32))[..., 0]
    cut = out == 0
    rows, columns = cut.any(axis=2), cut.any(axis=1)
    np.testing.assert_array_equal(cut, rows[:, :, None] & columns[:, None, :])
    for line, side in ((rows, 16), (columns, 24)):
        ends = np.diff(np.pad(line, ((0, 0), (1, 1))).astype(int), axis=1)
        assert np.all((ends == 1).sum(axis=1) == 1)  # without gaps
        inside = ~line[:, 0] & ~line[:, -1]
        np.testing.assert_array_equal(line[inside].sum(axis=1), side // 2)
        assert 0.2 < inside.mean() < 0.8 and np.all(line.sum(axis=1) >= side // 4)


@pytest.mark.slow
@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_each_operation_happens_with_probability_p_of_its_own(p):
    count = 4096
    config = AugmentConfig(flip=0.5, rotate90=1, invert=1)
    draw = jax.jit(jax.vmap(lambda key: _draw(key, jnp.float32(p), config).on))
    on = np.asarray(draw(keys_of(count)))
    share = dict.fromkeys(OPERATIONS, p) | {"flip": p / 2}
    share |= dict.fromkeys(("rotate_before", "rotate_after"), 1 - (1 - p) ** 0.5)
    for name, column in zip(OPERATIONS, on.T, strict=True):
        low, high = stats.binom.interval(1 - CHANCE, count, share[name])
        assert low <= column.sum() <= high, name
    if 0 < p < 1:
        pairs = np.corrcoef(on.T)[np.triu_indices(len(OPERATIONS), 1)]
        assert np.abs(pairs).max() < stats.norm.isf(CHANCE / 78) / count**0.5


@pytest.mark.slow
def test_rotation_leaves_a_share_of_one_minus_p_alone():
    image = noise_images(512, 8, 8, 1)
    changed = np.any(run(only(rotate=1), image, 0.3) != image, axis=(1, 2, 3))
    low, high = stats.binom.interval(1 - CHANCE, 512, 0.3)
    assert low <= changed.sum() <= high


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(6, 12, 12, 1), (2, 9, 24, 3)])
def test_without_probability_every_bit_stays(shape):
    image = noise_images(*shape)
    image[0, 0, 0] = -0.0
    config = AugmentConfig(mode="ada")
    same = run(config, image, 0.0)
    assert same.dtype == np.float32
    np.testing.assert_array_equal(same.view(np.uint32), image.view(np.uint32))
    assert not np.array_equal(run(config, image, 1.0), image)
    np.testing.assert_array_equal(run(AugmentConfig(), image, 1.0), image)


@pytest.mark.slow
def test_an_image_depends_on_its_own_key_alone():
    config = AugmentConfig(mode="ada")
    image, keys = jnp.asarray(noise_images(6, 12, 12, 1)), keys_of(6)

    def augmented(image, keys):
        return np.asarray(AUGMENTED(image, keys, jnp.float32(0.7), config))

    whole = augmented(image, keys)
    halves = [augmented(image[i : i + 3], keys[i : i + 3]) for i in (0, 3)]
    np.testing.assert_allclose(np.concatenate(halves), whole, rtol=1e-5, atol=1e-6)
    order = np.array([3, 0, 5, 1, 4, 2])
    others = augmented(image[order].at[0].set(9.0), keys[order])
    np.testing.assert_allclose(others[1:], whole[order][1:], rtol=1e-5, atol=1e-6)
    assert not np.allclose(augmented(image, keys_of(6, seed=1)), whole)


@pytest.mark.slow
def test_one_compilation_serves_every_p():
    config = only(mode="ada", brightness=0.2, translate=0.1)
    before = AUGMENTED._cache_size()
    for p in (0.0, 0.5, 1.0):
        run(config, noise_images(2, 8, 8, 1), p)
    assert AUGMENTED._cache_size() == before + 1


@pytest.mark.slow
def test_gradients_are_those_of_the_affine_map_it_is_to_second_order():
    """R1 of D(x) = sum(tanh(w A(x))) and its gradient in w go through A twice."""
    config, size = AugmentConfig(mode="ada", flip=1), 6
    keys, p = keys_of(2, seed=4), jnp.float32(0.9)
    image, weight = map(jnp.asarray, noise_images(2, 2, size, size, 1))

    def penalty(weight, through):
        gradient = jax.grad(lambda x: jnp.sum(jnp.tanh(weight * through(x))))(image)
        return jnp.sum(gradient**2)

    # The matrix of the map, column by column, from its values alone.
    pixels = size * size
    unit = np.vstack([np.zeros((1, pixels)), np.eye(pixels)]).astype(np.float32)
    pairs = np.stack([unit, unit], axis=1).reshape(-1, 2, size, size, 1)
    moved = np.stack([run(config, pair, 0.9, seed=4) for pair in pairs])
    origin, matrix = moved[0], (moved[1:] - moved[0]).reshape(pixels, 2, pixels)

    def by_matrix(x):
        product = jnp.einsum("ibo,bi->bo", matrix, x.reshape(2, pixels))
        return origin + product.reshape(x.shape)

    @jax.jit
    def by_augment(weight, keys):
        def through(x):
            return augment(x, keys, p, config)

        return jax.value_and_grad(penalty)(weight, through)

    value, gradient = by_augment(weight, keys)
    expected = jax.value_and_grad(penalty)(weight, by_matrix)
    np.testing.assert_allclose(value, expected[0], rtol=1e-4)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mode", "always"),
        ("p", 1.5),
        ("target", 1.0),
        ("kimg", 0.0),
        ("every", 0),
        ("flip", 2.0),
        ("cutout", -0.1),
        ("noise", -1.0),
    ],
)
def test_a_wrong_value_is_named(key, value):
    with pytest.raises(ConfigError, match=f"{key}={value!r}: must be"):
        AugmentConfig(**{key: value})
