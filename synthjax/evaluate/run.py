"""The evaluate stage: predictions and images in, results.json out."""

import dataclasses
from pathlib import Path

from synthjax.core.clock import say
from synthjax.core.devices import Devices
from synthjax.core.files import write_json
from synthjax.evaluate.attribution.attribution import measure_attribution
from synthjax.evaluate.config import EvaluateConfig
from synthjax.evaluate.fidelity.measure import measure_fidelity
from synthjax.evaluate.inputs import Inputs
from synthjax.evaluate.neighbours.neighbours import measure_neighbours
from synthjax.evaluate.pictures.label_grids import write_label_grids
from synthjax.evaluate.predictions import load_predictions
from synthjax.evaluate.results.json_form import to_json
from synthjax.evaluate.utility.gap import measure_utility


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
    """Write `out/results.json`, and pictures in grids, neighbours and attribution.

    Every process of a run calls it; the main one writes.

    Args:
        config: the section config.evaluate.
        seed: of the study; every draw depends on it.
        data: the real set.
        synth: the synthetic set.
        classifier: the classifier stage's directory, with the arms real and synthetic.
        out: where to write.
        devices: where images are encoded and classifiers run.

    Raises:
        StudyError: an arm is missing, the arms differ in seeds or test images, the
            predictions are of other images, or no label has both classes among them.
    """
    inputs = Inputs.open(
        data=data,
        synth=synth,
        classifier=classifier,
        seed=seed,
        level=config.level,
        replicates=config.replicates,
        out=out,
        devices=devices,
    )
    predictions = load_predictions(classifier, inputs.real.schema.labels)
    results = dataclasses.replace(
        measure_utility(config, predictions, inputs.test, seed),
        fidelity=measure_fidelity(config.fidelity, inputs),
        neighbours=measure_neighbours(config.neighbours, inputs),
        attribution=measure_attribution(config.attribution, inputs),
    )
    if devices.is_main:
        write_label_grids(
            inputs.test,
            inputs.synthetic.table("test"),
            inputs.real.schema.labels,
            rows=config.grid_rows,
            out=out / "grids",
        )
        write_json(out / "results.json", to_json(results))
        say(results.verdict)
