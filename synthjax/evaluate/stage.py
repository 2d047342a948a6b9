"""The evaluate stage: predictions and images in, results.json out."""

from pathlib import Path

from synthjax.core.clock import say
from synthjax.core.files import write_json
from synthjax.data.loader import read_schema, read_split
from synthjax.evaluate.config import EvaluateConfig
from synthjax.evaluate.grids import write_grids
from synthjax.evaluate.predictions import load_predictions
from synthjax.evaluate.utility import measure


def evaluate(
    config: EvaluateConfig,
    *,
    seed: int,
    data: Path,
    synth: Path,
    classifier: Path,
    out: Path,
) -> None:
    """Writes `out/results.json` and `out/grids/{real.png,synthetic.png,grid.json}`.

    Args:
        config: the section config.evaluate.
        seed: of the study; the bootstrap draws from it.
        data: the real set.
        synth: the synthetic set (for the grids).
        classifier: the classifier stage's directory, with both arms.
        out: where to write.

    Raises:
        StudyError: an arm is missing, the arms differ in seeds or test images, or no
            label has both classes among the test images.
    """
    names = read_schema(data).labels
    predictions = load_predictions(classifier, names)
    results = measure(config, predictions, seed)
    write_grids(
        read_split(data, "test"),
        read_split(synth, "test"),
        names,
        rows=config.grid_rows,
        out=out / "grids",
    )
    write_json(out / "results.json", results)
    say(results["verdict"])
