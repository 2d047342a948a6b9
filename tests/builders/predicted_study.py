"""A study whose classifiers are given by their predictions: quick to write and read."""

from pathlib import Path

import numpy as np

from synthjax.classifier.predict import write_predictions
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.core.files import write_json
from synthjax.data.dataset import Dataset
from synthjax.data.schema import Record, Schema
from synthjax.data.store.write import write_set
from synthjax.evaluate.attribution.config import AttributionConfig
from synthjax.evaluate.config import EvaluateConfig
from synthjax.evaluate.fidelity.config import FidelityConfig
from synthjax.evaluate.neighbours.config import NeighboursConfig
from synthjax.evaluate.run import evaluate

NAMES = ("One", "Two", "Never")
CONFIG = EvaluateConfig(
    replicates=50,
    roc_points=11,
    grid_rows=3,
    fidelity=FidelityConfig(encoders=()),
    neighbours=NeighboursConfig(images=0),  # there are predictions, no classifiers
    attribution=AttributionConfig(images=0),
)
SEED = 3


def records(prefix):
    """Yield 60 images of 30 patients; the first label of the last ten is unknown."""
    for i in range(60):
        label = np.array([i % 2, i % 3 == 0, 0], np.float32)
        if i >= 50:
            label[0] = np.nan
        shade = int(40 * label[0] if i < 50 else 150) + (100 if prefix == "s" else 0)
        yield Record(
            id=f"{prefix}{i:03d}",
            pixels=np.full((16, 16, 1), shade, np.uint8),
            label=label,
            patient_id=f"{prefix}-p{i // 2}",
            sex="FM"[i // 2 % 2] if i < 58 else "",
            age=[30, 65, 90][i // 2 % 3],
            view="PA",
        )


def write_predicted_study(folder):
    """Write data, synth and classifier; return the three directories."""
    schema = Schema("toy", NAMES, 16, 1)
    for name, prefix in (("data", "r"), ("synth", "s")):
        write_set(folder / name, schema, {"test": records(prefix)}, None)
    generator = np.random.default_rng(1)
    tables = {
        "predictions.npz": Dataset.open(folder / "data").table("test"),
        "predictions_valid.npz": Dataset.open(folder / "data").table("test"),
        "predictions_synthetic.npz": Dataset.open(folder / "synth").table("test"),
    }
    for arm, strength in (("real", 3.0), ("synthetic", 1.0), ("mixed", 2.0)):
        for k in range(2):
            seed = folder / "classifier" / arm / f"seed{k}"
            for name, table in tables.items():
                signal = strength * np.nan_to_num(table.label)
                logit = signal + generator.normal(size=signal.shape)
                if arm != "mixed" or name == "predictions.npz":
                    write_predictions(seed / name, table, logit)
            if arm == "mixed":
                write_json(seed / "config.json", {"n_train": 123})
    return {name: folder / name for name in ("data", "synth", "classifier")}


def evaluate_study(study, out, config=CONFIG):
    """Evaluate a study into the folder `out`."""
    devices = make_devices(DevicesConfig(count=1))
    evaluate(config, seed=SEED, out=out, devices=devices, **study)


def logits(study, arm, file="predictions.npz"):
    """Return the logits [s n y] of an arm as they were written."""
    paths = [Path(study["classifier"]) / arm / f"seed{k}" / file for k in range(2)]
    return np.stack([np.load(path)["logit"] for path in paths]).astype(np.float64)
