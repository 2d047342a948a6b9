"""results.json as a whole, and the JSON schema that describes it to others.

The schema is generated; after a change of a dataclass write it anew with

    python -c "from synthjax.evaluate.results import results; results.write_schema()"
"""

import json
from pathlib import Path
from typing import Any

from synthjax.core.files import read_json, write_atomic
from synthjax.core.foreign import foreign
from synthjax.evaluate.results.arms import (
    Arm,
    Bootstrap,
    Calibration,
    OnSynthetic,
    PrecisionRecall,
    RocCurves,
    Subgroup,
)
from synthjax.evaluate.results.attribution import Attribution
from synthjax.evaluate.results.fidelity import Fidelity
from synthjax.evaluate.results.json_form import (
    ABSENT,
    Absent,
    from_json,
    json_object,
    json_schema,
    key,
)
from synthjax.evaluate.results.neighbours import Neighbours
from synthjax.evaluate.results.utility import Primary, Utility

SCHEMA = Path(__file__).parent.parent / "results.schema.json"


@json_object
class Results:
    """Every number of an evaluation.

    An optional part is absent if the results were made before there was such a part,
    and None if it was switched off or could not be measured.
    """

    verdict: str = key("the gap in one or two sentences, with its interval and n")
    primary: Primary | Absent = key(
        "the one endpoint that was named before the run", default=ABSENT
    )
    utility: Utility = key("what synthetic training images cost on real test images")
    n_test_images: int = key("real test images")
    n_test_patients: int = key("patients of the real test images")
    seeds: int = key("training seeds of each arm")
    undefined_labels: tuple[str, ...] = key(
        "labels with one class only, left out of the means"
    )
    arms: tuple[Arm, ...] | Absent = key(
        "every arm that was trained, the real one first", default=ABSENT
    )
    label_fidelity: OnSynthetic | None | Absent = key(
        "AUROC of real-trained classifiers on synthetic test images against the labels "
        "these were made for; null without their predictions",
        default=ABSENT,
    )
    synthetic_on_synthetic: OnSynthetic | None | Absent = key(
        "AUROC of synthetic-trained classifiers on synthetic test images; null without "
        "their predictions",
        default=ABSENT,
    )
    subgroups: tuple[Subgroup, ...] | Absent = key(
        "the comparison among some of the test patients", default=ABSENT
    )
    calibration: Calibration | Absent = key(
        "whether probabilities are frequencies", default=ABSENT
    )
    curves: RocCurves = key("ROC curves on real test images, mean over seeds")
    precision_recall: PrecisionRecall | Absent = key(
        "precision over recall on real test images, mean over seeds", default=ABSENT
    )
    bootstrap: Bootstrap = key("how the intervals were made")
    fidelity: Fidelity | None | Absent = key(
        "how alike real and synthetic images are; null if left out", default=ABSENT
    )
    neighbours: Neighbours | None | Absent = key(
        "how near synthetic images lie to real training images; null if left out",
        default=ABSENT,
    )
    attribution: Attribution | None | Absent = key(
        "whether classifiers look at the same places; null if left out", default=ABSENT
    )


def read_results(path: Path) -> Results:
    """Read a results.json, also one of the last release.

    Raises:
        StudyError: it is damaged, or of another version: a key is missing, or nothing
            declares it.
    """
    tree = read_json(path, remedy="run the evaluate stage again")
    what = "is no results.json of this version"
    with foreign(path, what, "run the evaluate stage again"):
        return from_json(Results, tree)


def results_schema() -> dict[str, Any]:
    """Return the JSON schema of results.json."""
    return json_schema(
        Results,
        title="results.json of the evaluate stage",
        description=(
            "Every number of an evaluation. An estimate is an object of value, low and "
            "high; null stands for what is not defined. Keys that are not required "
            "belong to parts that a run can switch off."
        ),
    )


def write_schema(path: Path = SCHEMA) -> None:
    """Write the JSON schema of results.json to the file that is part of the package."""
    text = json.dumps(results_schema(), indent=1, ensure_ascii=False)
    write_atomic(path, (text + "\n").encode())
