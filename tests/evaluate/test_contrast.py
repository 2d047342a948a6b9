"""Pairs of studies: the paired difference, its pooling, and what is refused."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from builders.processes import fast_env
from synthjax.classifier.predict import write_predictions
from synthjax.core.errors import StudyError
from synthjax.data.dataset import Dataset
from synthjax.data.schema import Record, Schema
from synthjax.data.store.write import write_set
from synthjax.evaluate.contrast import contrast, format_contrasts, pool

ROOT = Path(__file__).parent.parent.parent
LABELS = ("one", "two")


def write_study(folder: Path, *, data_seed: int, signal: float) -> Path:
    """A study whose synthetic arm knows the labels as well as the signal is strong."""
    chance = np.random.default_rng(data_seed)
    records = [
        Record(
            id=f"{data_seed}-{i:03d}",
            pixels=np.zeros((16, 16, 1), np.uint8),
            label=chance.integers(0, 2, 2).astype(np.float32),
            patient_id=f"p{i // 2}",
        )
        for i in range(200)
    ]
    write_set(folder / "data", Schema("toy", LABELS, 16, 1), {"test": records}, None)
    table = Dataset.open(folder / "data").table("test")
    for arm, strength in (("real", 3.0), ("synthetic", signal)):
        for k in range(2):
            noise = np.random.default_rng([data_seed, k, arm == "real"])
            logit = strength * table.label + noise.normal(size=table.label.shape)
            path = folder / "classifier" / arm / f"seed{k}" / "predictions.npz"
            write_predictions(path, table, logit)
    return folder


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("contrast")
    made = {"good0": (0, 2.0), "poor0": (0, 1.0), "good1": (1, 2.0), "poor1": (1, 1.0)}
    return {
        name: write_study(folder / name, data_seed=seed, signal=signal)
        for name, (seed, signal) in made.items()
    }


def mean_auroc(workdir: Path, arm: str) -> float:
    areas = []
    for path in sorted((workdir / "classifier" / arm).glob("seed*/predictions.npz")):
        with np.load(path) as file:
            areas.append(roc_auc_score(file["label"], file["logit"]))
    return float(np.mean(areas))


@pytest.mark.slow
def test_lead_is_the_difference_of_the_gaps(studies) -> None:
    found = contrast(studies["good0"], studies["poor0"], replicates=200)
    for side, name in ((found.first, "good0"), (found.second, "poor0")):
        real, synthetic = (mean_auroc(studies[name], a) for a in ("real", "synthetic"))
        assert (side.real, side.synthetic) == pytest.approx(
            (real, synthetic), abs=1e-12
        )
        assert side.gap.value == pytest.approx(real - synthetic, abs=1e-12)
    lead = found.second.gap.value - found.first.gap.value
    assert found.lead.value == pytest.approx(lead, abs=1e-12)
    assert (found.images, found.patients) == (200, 100)
    # The seeds' logits share their noise, so the pair tells more than two apart do.
    apart = found.first.gap.var_patients + found.second.gap.var_patients
    assert 0 < found.lead.var_patients < apart
    assert found.lead.p_different() < 0.01


@pytest.mark.slow
def test_the_other_way_round_it_is_behind(studies) -> None:
    forth = contrast(studies["good0"], studies["poor0"], replicates=200)
    back = contrast(studies["poor0"], studies["good0"], replicates=200)
    assert back.lead.value == -forth.lead.value
    assert back.lead.standard_error == pytest.approx(
        forth.lead.standard_error, rel=1e-12
    )


def test_a_study_does_not_lead_itself(studies) -> None:
    found = contrast(studies["good0"], studies["good0"], replicates=100)
    # The seeds' own chance stays: the same images, trained on again, would differ.
    assert found.lead.value == 0 and found.lead.var_patients == 0


def test_pooling_is_students_t_over_the_pairs() -> None:
    leads = [0.01, 0.03, 0.02, 0.05]
    found, p = pool(leads, 0.9)
    expected = stats.ttest_1samp(leads, 0.0)
    ends = expected.confidence_interval(0.9)
    assert (found.value, found.low, found.high) == pytest.approx(
        (np.mean(leads), ends.low, ends.high), abs=1e-12
    )
    assert p == pytest.approx(expected.pvalue, abs=1e-12)


@pytest.mark.parametrize(("leads", "p"), [([0.0, 0.0], 1.0), ([0.02, 0.02], 0.0)])
def test_pairs_without_spread(leads, p) -> None:
    found, got = pool(leads, 0.95)
    assert (found.low, found.value, found.high) == (leads[0],) * 3
    assert got == p


def test_other_test_images_are_refused(studies) -> None:
    with pytest.raises(
        StudyError, match=r"good0 and .*poor1 were not tested on the same"
    ):
        contrast(studies["good0"], studies["poor1"])


def test_a_table_says_that_one_pair_is_one_pair(studies) -> None:
    one = contrast(studies["good0"], studies["poor0"], replicates=100)
    text = format_contrasts([one], 0.95)
    assert "one pair: the chance of training the generators is not in" in text
    assert "n = 200 real test images of 100 patients" in text


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "launch.contrast", "--replicates=100", *arguments],
        check=False,
        cwd=ROOT,
        env=fast_env(),
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.multiprocess
def test_the_command_pools_its_pairs(studies) -> None:
    first = f"--first={studies['good0']},{studies['good1']}"
    second = f"--second={studies['poor0']},{studies['poor1']}"
    done = command(first, second)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("first minus second") == 3
    assert "over 2 pairs: synthetic, first minus second 0." in done.stdout


@pytest.mark.multiprocess
def test_the_command_says_in_one_line_why_it_cannot(studies, tmp_path) -> None:
    uneven = command(f"--first={studies['good0']}", "--second=a,b")
    nothing = command(f"--first={studies['good0']}", f"--second={tmp_path}")
    for done, reason in ((uneven, "in pairs"), (nothing, "no finished image set")):
        assert done.returncode == 2
        assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
        assert reason in done.stderr
