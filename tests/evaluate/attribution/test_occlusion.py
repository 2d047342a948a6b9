"""Occlusion and integrated gradients: against loops, closed forms and their axioms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import log_loss

from synthjax.classifier.config import ClassifierConfig
from synthjax.classifier.networks.api import make_network
from synthjax.classifier.networks.small import SmallConfig
from synthjax.core import rng
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.core.errors import ConfigError
from synthjax.evaluate.attribution.integrated_gradients import (
    integrated_gradients,
    make_integrate,
)
from synthjax.evaluate.attribution.occlusion import (
    cross_entropy_rise,
    make_occlude,
    occluded_logits,
    patch_image,
    patch_of,
    patch_sums,
)

FILL = np.array([-0.2], np.float32)
FINDING = np.array([1, 0, 2, 1, 1], np.int32)


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (5, 16, 16, 1), np.uint8)


@pytest.fixture(scope="module")
def network():
    config = ClassifierConfig(small=SmallConfig(width=8))
    return make_network(config, n_labels=3, resolution=16, channels=1)


@pytest.fixture(scope="module")
def params(network):
    return jax.jit(network.init)(rng.key(0, "classifier"))


def occlude(logits, params, pixels, *, patches, batch, count=1, fill=FILL):
    devices = make_devices(DevicesConfig(count=count))
    step = make_occlude(
        logits, devices, resolution=pixels.shape[1], patches=patches, fill=fill
    )
    found = occluded_logits(
        step,
        devices.replicate(params),
        pixels,
        patches=patches,
        batch_size=batch,
        devices=devices,
    )
    assert step.traces == 1
    return found


def integrate(logits, params, pixels, *, nodes, batch=4, count=1, fill=FILL):
    devices = make_devices(DevicesConfig(count=count))
    step = make_integrate(logits, devices, fill=fill)
    found = integrated_gradients(
        step,
        devices.replicate(params),
        pixels,
        FINDING[: len(pixels)],
        nodes=nodes,
        batch_size=batch,
        devices=devices,
    )
    assert step.traces == 1
    return found


@pytest.mark.slow
def test_occlusion_equals_a_loop_over_single_images(network, params, pixels) -> None:
    found = occlude(network.logits, params, pixels[:2], patches=4, batch=12)
    single = jax.jit(network.logits)
    for image, logits in zip(pixels[:2] / 127.5 - 1, found, strict=True):
        expected = [single(params, image[None].astype(np.float32))[0]]
        for y in range(0, 16, 4):
            for x in range(0, 16, 4):
                covered = image.astype(np.float32)
                covered[y : y + 4, x : x + 4] = FILL
                expected.append(single(params, covered[None])[0])
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4])
def test_occlusion_does_not_depend_on_devices(network, params, pixels, count) -> None:
    one = occlude(network.logits, params, pixels[:2], patches=2, batch=4)
    many = occlude(network.logits, params, pixels[:2], patches=2, batch=8, count=count)
    np.testing.assert_allclose(many, one, rtol=1e-4, atol=1e-5)


def linear(params, image):
    return jnp.einsum("bhwc,hwcy->by", image, params) + 0.5


@pytest.fixture(scope="module")
def weights():
    return np.random.default_rng(1).normal(size=(16, 16, 2, 3)).astype(np.float32)


def test_linear_model_in_closed_form(weights) -> None:
    """Covering a patch takes away w * (x - fill); so do integrated gradients give it."""
    fill = np.array([-0.2, 0.4], np.float32)
    pixels = np.random.default_rng(2).integers(0, 256, (5, 16, 16, 2), np.uint8)
    image = pixels / 127.5 - 1
    share = np.einsum("bhwc,hwcy->bhwy", image - fill, weights)
    logits = occlude(linear, weights, pixels, patches=8, batch=64, fill=fill)
    whole = np.einsum("bhwc,hwcy->by", image, weights) + 0.5
    blocks = share.reshape(5, 8, 2, 8, 2, 3).sum((2, 4)).reshape(5, 64, 3)
    expected = np.concatenate([whole[:, None], whole[:, None] - blocks], axis=1)
    np.testing.assert_allclose(logits, expected, atol=1e-4)

    found, difference = integrate(linear, weights, pixels, nodes=1, fill=fill)
    own = np.take_along_axis(share, FINDING[:, None, None, None], axis=3)[..., 0]
    np.testing.assert_allclose(found, own, atol=1e-5)
    np.testing.assert_allclose(difference, own.sum((1, 2)), atol=1e-4)
    sums = own.reshape(5, 8, 2, 8, 2).sum((2, 4)).reshape(5, 64)
    np.testing.assert_allclose(patch_sums(own, 8), sums)


@pytest.mark.slow
def test_integrated_gradients_of_a_network_are_complete(
    network, params, pixels
) -> None:
    """Maps sum to the difference of the logits, but for the kinks of its rectifiers."""
    found, difference = integrate(network.logits, params, pixels, nodes=256)
    assert found.shape == (5, 16, 16)
    logits = jax.jit(network.logits)
    whole = logits(params, (pixels / 127.5 - 1).astype(np.float32))
    blank = logits(params, np.full((1, 16, 16, 1), FILL))
    expected = np.take_along_axis(np.asarray(whole - blank), FINDING[:, None], 1)[:, 0]
    np.testing.assert_allclose(difference, expected, rtol=1e-4, atol=1e-5)
    error = np.abs(found.sum((1, 2)) - expected).mean()
    assert error < 0.02 * np.abs(expected).mean()


def smooth(params, image):
    return jnp.tanh(0.1 * jnp.einsum("bhwc,hwcy->by", image, params[..., :1, :])) ** 3


@pytest.mark.slow
def test_integrated_gradients_of_a_smooth_model_are_exact(weights, pixels) -> None:
    found, difference = integrate(smooth, weights, pixels, nodes=24)
    whole, blank = (
        np.asarray(smooth(weights, image.astype(np.float32)))
        for image in (pixels / 127.5 - 1, np.full((1, 16, 16, 1), FILL))
    )
    expected = np.take_along_axis(whole - blank, FINDING[:, None], 1)[:, 0]
    np.testing.assert_allclose(difference, expected, atol=1e-5)
    np.testing.assert_allclose(found.sum((1, 2)), expected, atol=1e-4)
    # A pixel that is as the baseline, or that the model does not see, has no part.
    blind = weights.copy()
    blind[3:5] = 0
    assert not integrate(smooth, blind, pixels, nodes=2)[0][:, 3:5].any()


@pytest.mark.slow
def test_integrated_gradients_equal_a_plain_sum(weights, pixels) -> None:
    found, _ = integrate(smooth, weights, pixels, nodes=3, count=2)
    place, weight = np.polynomial.legendre.leggauss(3)
    gradient = jax.jit(jax.grad(lambda x, y: smooth(weights, x)[0, y]))
    for image, y, map_found in zip(pixels / 127.5 - 1, FINDING, found, strict=True):
        total = 0
        for x, w in zip((place + 1) / 2, weight / 2, strict=True):
            point = FILL + x * (image - FILL)
            total = total + w * gradient(point[None].astype(np.float32), y)[0]
        expected = (total * (image - FILL)).sum(-1)
        np.testing.assert_allclose(map_found, expected, rtol=1e-3, atol=1e-5)


def test_rise_is_that_of_the_log_loss() -> None:
    """Of one label, and of the mean over known labels, as the paper has it."""
    random = np.random.default_rng(0)
    logit = random.normal(size=(4, 3, 2))
    label = np.array([[1, 0], [0, 1], [1, 1], [0, np.nan]])

    def loss(n, p, y):
        probability = 1 / (1 + np.exp(-logit[n, p, y]))
        return log_loss([label[n, y]], [probability], labels=[0, 1])

    one = cross_entropy_rise(logit, label, np.eye(2)[[0, 1, 0, 0]])
    mean = cross_entropy_rise(logit, label, np.where(np.isnan(label), 0, 0.5))
    for n, y in enumerate([0, 1, 0, 0]):
        for p in range(2):
            rise = loss(n, p + 1, y) - loss(n, 0, y)
            assert one[n, p] == pytest.approx(rise, abs=1e-9)
            if n < 3:
                rise = np.mean([loss(n, p + 1, y) - loss(n, 0, y) for y in range(2)])
                assert mean[n, p] == pytest.approx(rise, abs=1e-9)
    # A classifier that is sure: no rounding to a flat map.
    sure = np.array([[[40.0], [39.0], [38.0]]])
    rise = cross_entropy_rise(sure, np.ones((1, 1)), np.ones((1, 1)))
    assert 0 < rise[0, 0] < rise[0, 1]


@pytest.mark.parametrize(("resolution", "patches"), [(224, 56), (64, 16), (20, 8)])
def test_patches_cover_every_pixel_once(resolution, patches) -> None:
    side = patch_of(resolution, patches)
    count = np.bincount(side, minlength=patches)
    assert count.sum() == resolution
    assert count.max() - count.min() <= (resolution % patches > 0)
    assert (np.diff(side) >= 0).all()
    if (resolution, patches) == (224, 56):
        assert set(count) == {4}  # the paper's
    value = np.arange(patches**2, dtype=float)
    spread = patch_image(value, resolution)
    sums = patch_sums(spread[None], patches)[0]
    np.testing.assert_allclose(sums, value * np.outer(count, count).ravel())


def test_more_patches_than_pixels_are_refused() -> None:
    with pytest.raises(ConfigError, match="patches=56: must be at most .*=32"):
        patch_of(32, 56)
