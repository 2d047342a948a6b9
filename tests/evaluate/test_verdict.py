"""What may be concluded, held apart: shown, not shown, nothing learned, too few."""

import dataclasses

import numpy as np
import pytest

from builders.predicted_study import CONFIG
from synthjax.data.listing import make_metadata
from synthjax.evaluate.gates import Gate, check_gates
from synthjax.evaluate.predictions import Logits, Predictions
from synthjax.evaluate.results.json_form import to_json
from synthjax.evaluate.utility.gap import measure_utility

LEAST = dataclasses.replace(CONFIG, replicates=200)
NAMES = ("One", "Two")
LIMIT = Gate("utility.mean.gap.value", None, 0.5)  # kept, whatever the number


def study(real, synthetic, *, patients=400, seeds=3, positive=0.5, **others):
    """Measure arms whose scores hold so much of the label; None: one score for all."""
    generator = np.random.default_rng(0)
    label = np.zeros((patients, len(NAMES)), np.float32)
    label[: round(positive * patients)] = 1
    label[:, 1] = label[::-1, 1]
    logit = {}
    for arm, strength in {"real": real, "synthetic": synthetic, **others}.items():
        noise = generator.normal(size=(seeds, *label.shape))
        logit[arm] = 0 * noise if strength is None else strength * label + noise
    ids = np.array([f"i{n:04d}" for n in range(patients)])
    test = Logits(ids, ids, label, logit)
    predictions = Predictions(
        NAMES, ("real", "synthetic"), test, None, None, dict.fromkeys(logit)
    )
    metadata = make_metadata(id=ids, patient_id=ids, label=label)
    return to_json(measure_utility(LEAST, predictions, metadata, 0))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("made", "outcome", "told"),
    [
        ({"real": 3, "synthetic": 3}, "shown", "at the margin of 0.05 is shown (p"),
        ({"real": 3, "synthetic": 1}, "not shown", "0.05 is not shown (p = "),
        # Perfect rankings of few patients, of whom resampling finds none that differs.
        (
            {"real": 50, "synthetic": 50, "patients": 40},
            "not shown",
            "0.05 is not shown (p = ",
        ),
        ({"real": 50, "synthetic": 50}, "shown", "0.05 is shown (p < 0.001)"),
        ({"real": 0, "synthetic": 0}, "nothing learned", "there is nothing that could"),
        ({"real": None, "synthetic": None}, "nothing learned", "All test images have"),
        ({"real": 0, "synthetic": 3}, "nothing learned", "at whether the labels are"),
        # A control that learns as much from shuffled labels: something leaks.
        (
            {"real": 1, "synthetic": 1, "real_shuffled": 1},
            "nothing learned",
            "nothing can be said of the synthetic",
        ),
        ({"real": 3, "synthetic": 3, "real_shuffled": 0}, "shown", "is shown"),
        (
            {"real": 50, "synthetic": 50, "patients": 6},
            "too few patients",
            "One has 3 of the rarer class, Two has 3",
        ),
        (
            {"real": 3, "synthetic": 3, "positive": 0.02},
            "too few patients",
            "One has 8 of the rarer class",
        ),
        ({"real": 3, "synthetic": 3, "seeds": 1}, "too few seeds", "classifier.seeds"),
    ],
)
def test_outcomes_are_held_apart(made, outcome, told) -> None:
    results = study(**made)
    primary = results["primary"]
    assert primary["outcome"] == outcome
    assert primary["noninferior"] == (outcome == "shown")
    assert told in primary["conclusion"]
    assert primary["conclusion"] in results["verdict"]
    claimed = "is shown (p" in results["verdict"]
    assert claimed == (outcome == "shown")
    assert primary["gap"]["low"] < primary["gap"]["value"] < primary["gap"]["high"]
    (gate,) = check_gates([LIMIT], results)
    assert gate.kept == (outcome in ("shown", "not shown")), gate.reason


@pytest.mark.slow
def test_a_limit_on_the_gap_of_a_finding_asks_whether_that_one_was_learned() -> None:
    results = study(3, 3)
    interval = {"value": 0.5, "low": 0.48, "high": 0.52}
    results["utility"]["labels"][0]["real"] = interval
    names = [
        f"utility.labels.{label}.{end}"
        for label in NAMES
        for end in ("gap.value", "average_precision.gap.value", "n")
    ]
    checked = check_gates([Gate(name, None, 1000) for name in names], results)
    assert [gate.kept for gate in checked] == [False, False, True, True, True, True]
    assert "not shown to be better than chance" in checked[0].reason


@pytest.mark.slow
def test_classifiers_that_give_all_images_one_score_are_said() -> None:
    told = study(3, None)["primary"]
    assert told["outcome"] == "not shown"
    assert "from 3 of 3 classifiers of the arm synthetic." in told["conclusion"]
    assert "same scores" not in study(3, 3)["verdict"]
