"""Streaming moments against float64 numpy, and the distance against closed forms."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.core.errors import StudyError
from synthjax.metrics.frechet import (
    MomentMeter,
    Moments,
    Sums,
    add_features,
    bias_warning,
    frechet_distance,
)

SIZE = 12


def take(params, pixels):
    """The features are the pixels themselves, times a parameter."""
    return pixels.reshape(pixels.shape[0], -1) * params["scale"]


ENCODER = types.SimpleNamespace(
    name="take",
    size=SIZE,
    params={"scale": np.ones((), np.float32)},
    fit="",
    published=False,
    encode=take,
)


def badly_scaled(n, seed=0):
    """Scales over six decades, means far from zero, correlated, in a bad order."""
    random = np.random.default_rng(seed)
    mixed = random.normal(size=(n, SIZE)) @ random.normal(size=(SIZE, SIZE))
    mixed += 300 * random.choice([-1, 0, 1], SIZE)
    scaled = mixed * np.logspace(-3, 3, SIZE)
    return scaled[np.argsort(scaled[:, 0])].astype(np.float32)


def batches(feature, batch_size, devices):
    """Padded with values that would be noticed."""
    for start in range(0, len(feature), batch_size):
        part = feature[start : start + batch_size]
        padding = np.full((batch_size - len(part), SIZE), np.nan, np.float32)
        pixels = np.concatenate([part, padding]).reshape(batch_size, 3, 4, 1)
        mask = np.arange(batch_size) < len(part)
        yield devices.shard({"pixels": pixels, "mask": mask})


def assert_close(moments, feature, tolerance):
    """Equal to numpy's, relative to each feature's standard deviation."""
    exact = feature.astype(np.float64)
    covariance, deviation = np.cov(exact, rowvar=False), exact.std(axis=0)
    error = (moments.covariance - covariance) / np.outer(deviation, deviation)
    assert np.abs(error).max() < tolerance
    assert np.abs((moments.mean - exact.mean(0)) / deviation).max() < tolerance
    assert moments.count == len(feature)
    assert moments.mean.dtype == moments.covariance.dtype == np.float64


@pytest.mark.parametrize("mapping", ["pmap", "shard_map"])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_equals_float64_on_any_devices(count, mapping):
    devices = make_devices(DevicesConfig(count=count, mapping=mapping))
    feature = badly_scaled(2005)
    meter = MomentMeter(ENCODER, devices)
    assert_close(meter.measure(batches(feature, 64, devices)), feature, 1e-5)


def test_a_device_may_have_nothing_to_add():
    devices = make_devices(DevicesConfig(count=4))
    feature = badly_scaled(5)
    moments = MomentMeter(ENCODER, devices).measure(batches(feature, 16, devices))
    assert_close(moments, feature, 1e-5)


def test_rounding_does_not_build_up():
    """Many small batches, where an uncompensated sum is ten times further off."""
    feature = badly_scaled(40_000)[:, -2:]

    def add(sums, part):
        return add_features(sums, part, jnp.ones((4,), bool)), None

    like = [(), (2,), (2,), (2,), (2, 2), (2, 2)]
    sums = [jnp.zeros((1, *shape), jnp.float32) for shape in like]
    sums[0] = sums[0].astype(jnp.int32)
    parts = feature.reshape(-1, 4, 2)
    sums, _ = jax.jit(lambda s, p: jax.lax.scan(add, s, p))(Sums(*sums), parts)
    scatter = np.asarray(sums.scatter[0], np.float64)
    full = scatter + np.asarray(sums.scatter_low[0], np.float64)
    exact = np.cov(feature.astype(np.float64), rowvar=False) * (len(feature) - 1)
    assert np.abs(full / exact - 1).max() < 1e-6
    assert np.abs(sums.scatter_low).max() > 0, "the compiler kept the compensation"


def moments(mean, covariance, count=10_000):
    mean = np.asarray(mean, np.float64)
    return Moments(count, mean, np.asarray(covariance, np.float64))


def test_distance_of_gaussians_has_a_closed_form():
    # Commuting covariances: |m|^2 + sum of (sqrt(a) - sqrt(b))^2.
    a = moments([0, 0, 0], np.diag([1.0, 4.0, 9.0]))
    b = moments([1, 2, -2], np.diag([4.0, 4.0, 1.0]))
    assert frechet_distance(a, b) == pytest.approx(9 + 1 + 0 + 4, rel=1e-12)
    one = moments([3.0], [[2.25]]), moments([-1.0], [[0.25]])
    assert frechet_distance(*one) == pytest.approx(16 + 1, rel=1e-12)


def test_distance_equals_scipy():
    random = np.random.default_rng(1)
    x = random.normal(size=(500, 20)) @ random.normal(size=(20, 20))
    y = random.normal(size=(400, 20)) @ random.normal(size=(20, 20)) + 0.3
    a = moments(x.mean(0), np.cov(x, rowvar=False), 500)
    b = moments(y.mean(0), np.cov(y, rowvar=False), 400)
    root = scipy.linalg.sqrtm(a.covariance @ b.covariance).real
    trace = np.trace(a.covariance + b.covariance - 2 * root)
    expected = np.sum((a.mean - b.mean) ** 2) + trace
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(b, a) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-10)


def test_rank_deficient_covariances():
    random = np.random.default_rng(2)
    u = np.linalg.qr(random.normal(size=(30, 30)))[0]
    low = u[:, :3] * [3.0, 2.0, 1.0]
    a = moments(np.zeros(30), low @ low.T)
    b = moments(np.zeros(30), 4 * low @ low.T)
    # (R S 2R) commutes: (1 - 2)^2 times the trace.
    assert frechet_distance(a, b) == pytest.approx(14, rel=1e-9)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    disjoint = moments(np.zeros(30), u[:, 3:5] @ u[:, 3:5].T)
    assert frechet_distance(a, disjoint) == pytest.approx(14 + 2, rel=1e-9)


def test_too_few_images_are_refused():
    many, few = moments(np.zeros(4), np.eye(4)), moments(np.zeros(4), np.eye(4), 4)
    with pytest.raises(StudyError, match="4 images in 4 dimensions is biased"):
        frechet_distance(many, few)
    assert frechet_distance(many, few, biased=True) == pytest.approx(0, abs=1e-12)
    assert not bias_warning(5, 4)
    with pytest.raises(StudyError, match="needs 2 images or more, got 1"):
        frechet_distance(many, moments(np.zeros(4), np.eye(4), 1), biased=True)
    with pytest.raises(StudyError, match="4 and 3 numbers cannot be compared"):
        frechet_distance(many, moments(np.zeros(3), np.eye(3)))
    devices = make_devices(DevicesConfig(count=2))
    meter = MomentMeter(ENCODER, devices)
    with pytest.raises(StudyError, match="at least 2 images, but there are 1"):
        meter.measure(batches(badly_scaled(1), 4, devices))
    broken = badly_scaled(8)
    broken[3, 2] = np.inf
    with pytest.raises(StudyError, match="not finite"):
        meter.measure(batches(broken, 4, devices))
