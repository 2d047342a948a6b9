"""Predictions: padded parts change nothing, and a damaged file is named."""

import jax
import numpy as np
import pytest

from synthjax.classifier.config import ClassifierConfig
from synthjax.classifier.networks.api import make_network
from synthjax.classifier.networks.small import SmallConfig
from synthjax.classifier.predict import (
    make_predict,
    predict,
    read_predictions,
)
from synthjax.classifier.step import make_init
from synthjax.core import rng
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.core.errors import StudyError


@pytest.mark.slow
def test_padded_prediction_equals_unpadded() -> None:
    config = ClassifierConfig(small=SmallConfig(width=8))
    devices = make_devices(DevicesConfig(count=1))
    network = make_network(config, n_labels=3, resolution=16, channels=1)
    params = devices.replicate(
        make_init(network, config)(rng.key(0, "params")).variables
    )
    images = np.random.default_rng(0).integers(0, 256, (13, 16, 16, 1), np.uint8)
    for function, width in ((network.logits, 3), (network.features, 32)):
        whole = jax.jit(function)(params, images / np.float32(127.5) - 1)
        assert whole.shape == (13, width)
        step = make_predict(function, devices)
        padded = predict(step, params, images, batch_size=5, devices=devices)
        np.testing.assert_allclose(padded, whole, rtol=1e-5, atol=1e-6)


def test_damaged_predictions_are_named(tmp_path) -> None:
    path = tmp_path / "predictions.npz"
    with pytest.raises(StudyError, match="missing"):
        read_predictions(path)
    path.write_bytes(b"half a file")
    with pytest.raises(StudyError, match="cannot be read"):
        read_predictions(path)
