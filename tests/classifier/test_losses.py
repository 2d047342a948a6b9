"""Losses against closed forms in numpy, and what is mixed."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from synthjax.classifier.augment import mix_pairs
from synthjax.classifier.losses import masked_loss, positive_weights

RNG = np.random.default_rng(1)
LOGIT = RNG.normal(size=(6, 4)).astype(np.float32) * 3
LABEL = RNG.integers(0, 2, (6, 4)).astype(np.float32)
UNKNOWN = RNG.random((6, 4)) < 0.4
MASKED = jnp.asarray(np.where(UNKNOWN, np.nan, LABEL).astype(np.float32))
SCORE = jnp.asarray(LOGIT)  # the same, as the loss takes them
ONES = np.ones(4, np.float32)


def closed_form(gamma, smoothing, weight):
    """Sum over the known labels, in float64, written out."""
    p = 1 / (1 + np.exp(-LOGIT.astype(np.float64)))
    y = LABEL * (1 - smoothing) + smoothing / 2
    positive = weight * y * (1 - p) ** gamma * np.log(p)
    negative = (1 - y) * p**gamma * np.log(1 - p)
    return -(positive + negative)[~UNKNOWN].sum()


@pytest.mark.slow
@pytest.mark.parametrize("weight", [ONES, np.array([0.5, 1, 3, 8], np.float32)])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize(
    ("name", "gamma"), [("bce", 0.0), ("focal", 2.0), ("focal", 0.5)]
)
def test_losses_are_their_closed_forms(name, gamma, smoothing, weight) -> None:
    found = masked_loss(name, SCORE, MASKED, weight, gamma=gamma, smoothing=smoothing)
    np.testing.assert_allclose(found, closed_form(gamma, smoothing, weight), rtol=1e-5)


@pytest.mark.slow
def test_losses_agree_with_optax() -> None:
    known = jnp.asarray(LABEL)
    cross_entropy = optax.sigmoid_binary_cross_entropy(LOGIT, known).sum()
    np.testing.assert_allclose(masked_loss("bce", SCORE, known, ONES), cross_entropy)
    focal = optax.sigmoid_focal_loss(LOGIT, known, gamma=1.5).sum()
    found = masked_loss("focal", SCORE, known, ONES, gamma=1.5)
    np.testing.assert_allclose(found, focal, rtol=1e-6)


def test_focal_loss_without_gamma_is_the_cross_entropy() -> None:
    found = masked_loss("focal", SCORE, MASKED, ONES, gamma=0.0)
    np.testing.assert_array_equal(found, masked_loss("bce", SCORE, MASKED, ONES))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bce", "focal"])
def test_unknown_labels_take_no_part(name) -> None:
    def total(logit):
        return masked_loss(name, logit, MASKED, ONES, gamma=2.0, smoothing=0.1)

    gradient = np.asarray(jax.grad(total)(LOGIT))
    assert np.all(gradient[UNKNOWN] == 0)
    assert np.all(gradient[~UNKNOWN] != 0)
    assert np.all(np.isfinite(gradient))


def test_gradient_of_the_cross_entropy_is_p_minus_y() -> None:
    gradient = jax.grad(lambda x: masked_loss("bce", x, MASKED, ONES))(LOGIT)
    p = 1 / (1 + np.exp(-LOGIT.astype(np.float64)))
    np.testing.assert_allclose(gradient[~UNKNOWN], (p - LABEL)[~UNKNOWN], rtol=1e-4)


@pytest.mark.slow
def test_far_logits_give_finite_losses() -> None:
    logit = jnp.asarray([[-200.0], [200.0]])
    for name in ("bce", "focal"):
        loss = masked_loss(name, logit, jnp.ones((2, 1)), ONES[:1], gamma=2.0)
        np.testing.assert_allclose(loss, 200.0)


def test_balanced_weights_are_negatives_over_positives() -> None:
    label = np.full((10, 4), np.nan, np.float32)
    label[:8, 0] = [1, 1, 0, 0, 0, 0, 0, 0]  # 3, and two unknown
    label[:, 1] = [1] * 9 + [0]  # 1/9, within a cap of 5: 1/5
    label[:, 2] = 0  # no positive
    found = positive_weights(label, scheme="balanced", cap=5.0)
    np.testing.assert_allclose(found, [3, 0.2, 5, 5])
    np.testing.assert_array_equal(positive_weights(label, scheme="none", cap=5.0), 1)


@pytest.mark.slow
def test_pairs_are_mixed_alike_on_any_number_of_devices() -> None:
    generator = np.random.default_rng(0)
    image = generator.normal(size=(8, 4, 4, 1)).astype(np.float32)
    label = generator.integers(0, 2, (8, 3)).astype(np.float32)
    label[0, 1] = np.nan
    key = jax.random.key(3)

    @jax.jit
    def mix(image, label, first):
        return mix_pairs(image, label, key, first, alpha=0.4)

    whole, labels = mix(image, label, 0)
    for first in (0, 4):
        part = slice(first, first + 4)
        mixed, mixed_label = mix(image[part], label[part], first)
        np.testing.assert_array_equal(mixed, whole[part])
        np.testing.assert_array_equal(mixed_label, labels[part])
    # The two of a pair have shares that sum to one, and other pairs other shares.
    pairs = image.reshape(4, 2, 4, 4, 1)
    np.testing.assert_allclose(
        whole.reshape(pairs.shape).sum(1), pairs.sum(1), atol=1e-5
    )
    share = (whole - image[[1, 0, 3, 2, 5, 4, 7, 6]])[::2] / (pairs[:, 0] - pairs[:, 1])
    share = share.reshape(4, -1)
    np.testing.assert_allclose(share, share[:, :1] + 0 * share, rtol=1e-3, atol=1e-3)
    assert len(np.unique(np.round(share[:, 0], 3))) == 4
    expected = share[:, :1] * label[::2] + (1 - share[:, :1]) * label[1::2]
    np.testing.assert_allclose(labels[::2], expected, rtol=1e-3, atol=1e-3)
    assert np.isnan(labels[:2, 1]).all()
    assert np.isnan(labels).sum() == 2
