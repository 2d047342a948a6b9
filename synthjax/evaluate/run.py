"""The evaluate stage: predictions and images in, results.json out."""

from pathlib import Path

from synthjax.core.clock import say
from synthjax.core.devices import Devices
from synthjax.core.files import write_json
from synthjax.data.store.loader import read_schema, read_split
from synthjax.evaluate.attribution.attribution import measure_attribution
from synthjax.evaluate.config import EvaluateConfig
from synthjax.evaluate.fidelity.grids import write_grids
from synthjax.evaluate.fidelity.measure import measure_fidelity
from synthjax.evaluate.neighbours.neighbours import measure_neighbours
from synthjax.evaluate.predictions import load_predictions
from synthjax.evaluate.utility.gap import measure


def evaluate(
    config: EvaluateConfig,
    *,
    seed: int,
    data: Path,
    synth: Path,
    classifier: Path,
    out: Path,
    devices: Devices,
) -> None:
    """Writes `out/results.json`, and pictures in grids, neighbours and attribution.

    Every process of a run calls it; the main one writes.

    Args:
        config: the section config.evaluate.
        seed: of the study; the bootstrap draws from it.
        data: the real set.
        synth: the synthetic set (for the grids).
        classifier: the classifier stage's directory, with the arms real and synthetic.
        out: where to write.
        devices: where images are encoded and classifiers run.

    Raises:
        StudyError: an arm is missing, the arms differ in seeds or test images, the
            predictions are of other images, or no label has both classes among them.
    """
    names = read_schema(data).labels
    predictions = load_predictions(classifier, names)
    test = read_split(data, "test")
    results = measure(config, predictions, test, seed)
    results["fidelity"] = measure_fidelity(
        config.fidelity,
        seed=seed,
        level=config.level,
        data=data,
        synth=synth,
        classifier=classifier,
        devices=devices,
    )
    results["neighbours"] = measure_neighbours(
        config.neighbours,
        level=config.level,
        seed=seed,
        data=data,
        synth=synth,
        classifier=classifier,
        out=out / "neighbours",
        devices=devices,
    )
    results["attribution"] = measure_attribution(
        config.attribution,
        replicates=config.replicates,
        level=config.level,
        seed=seed,
        data=data,
        classifier=classifier,
        out=out / "attribution",
        devices=devices,
    )
    if devices.is_main:
        write_grids(
            test,
            read_split(synth, "test"),
            names,
            rows=config.grid_rows,
            out=out / "grids",
        )
        write_json(out / "results.json", results)
        say(results["verdict"])
