"""Two quick studies: one with random classifiers, one with predictions alone."""

from pathlib import Path

import jax
import pytest

from builders.predicted_study import evaluate_study, write_predicted_study
from builders.records import blob_records
from synthjax.classifier.config import ClassifierConfig
from synthjax.classifier.networks.api import make_network
from synthjax.classifier.networks.small import SmallConfig
from synthjax.core import rng
from synthjax.core.checkpoint import Checkpoints
from synthjax.core.config import plain
from synthjax.core.files import read_json, write_json
from synthjax.data.schema import Schema
from synthjax.data.store.write import write_set

LABELS = ("bright", "left", "never")


def save_classifier(directory: Path, seed: int) -> None:
    config = ClassifierConfig(small=SmallConfig(width=8))
    network = make_network(config, n_labels=len(LABELS), resolution=16, channels=1)
    variables = jax.jit(network.init)(rng.key(seed, "classifier"))
    saved = {"config": plain(config), "labels": list(LABELS)}
    write_json(directory / "config.json", saved | {"resolution": 16, "channels": 1})
    checkpoints = Checkpoints(directory / "checkpoints")
    checkpoints.save(1, train=variables, ema=variables, data={}, meta={})
    checkpoints.wait()
    checkpoints.close()


@pytest.fixture(scope="session")
def random_study(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The directories data, synth and classifier.

    The synthetic training split holds copies of the real training images 5 and 9, as its
    images 3 and 20; no other image is a copy.
    """
    folder = tmp_path_factory.mktemp("random_study")
    schema = Schema("toy", LABELS, 16, 1)
    sizes = {"train": 60, "valid": 4, "test": 40}
    made = {
        arm: {split: list(blob_records(split, n, arm)) for split, n in sizes.items()}
        for arm in ("data", "synth")
    }
    for copy, original in ((3, 5), (20, 9)):
        pixels = made["data"]["train"][original].pixels
        made["synth"]["train"][copy].pixels = pixels.copy()
    for arm, splits in made.items():
        write_set(folder / arm, schema, splits, None)
    for number, arm in enumerate(("real", "synthetic")):
        for k in range(2):
            save_classifier(folder / "classifier" / arm / f"seed{k}", 2 * number + k)
    return {name: folder / name for name in ("data", "synth", "classifier")}


@pytest.fixture(scope="session")
def predicted_study(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The directories data, synth and classifier, the last with predictions alone."""
    return write_predicted_study(tmp_path_factory.mktemp("predicted_study"))


@pytest.fixture(scope="session")
def results(
    predicted_study: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict, Path]:
    """What results.json of the predicted study holds, and its folder."""
    out = tmp_path_factory.mktemp("evaluated")
    evaluate_study(predicted_study, out)
    return read_json(out / "results.json"), out
