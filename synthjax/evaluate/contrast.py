"""Two studies of one data set, contrasted: whose synthetic images train better.

Two generators, or one with and without something, are compared by what classifiers
trained on their images reach on the same real test patients. The difference is paired:
both are measured in the same draws of patients. A generator is trained by chance too; a
pair of studies says nothing of that, several pairs with other seeds do.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy import stats

from synthjax.core import rng
from synthjax.core.errors import StudyError
from synthjax.core.table import format_table
from synthjax.data.dataset import Dataset
from synthjax.evaluate.predictions import Predictions, load_predictions
from synthjax.statistics.bootstrap import draw_patients, mean_over_labels, resample
from synthjax.statistics.interval import Interval
from synthjax.statistics.patient_counts import PatientCounts, count_patients
from synthjax.statistics.roc import on_host_device
from synthjax.statistics.seed_patient_variance import Estimate, estimate


@dataclasses.dataclass(frozen=True)
class StudyGap:
    """One study of a pair."""

    workdir: Path
    real: float  # mean AUROC of its classifiers trained on real images
    synthetic: float  # and of those of its primary arm
    gap: Estimate  # real minus synthetic


@dataclasses.dataclass(frozen=True)
class Contrast:
    """A pair of studies on the same real test images."""

    first: StudyGap
    second: StudyGap
    lead: Estimate  # mean AUROC of the first's primary arm minus the second's
    images: int  # real test images
    patients: int  # of them


def contrast(
    first: Path, second: Path, *, replicates: int = 2000, seed: int = 0
) -> Contrast:
    """Measure a pair of studies.

    Args:
      first, second: their workdirs, with the stages data and classifier.
      replicates: draws of patients.
      seed: of the draws.

    Raises:
      StudyError: a stage is missing, or they were not tested on the same images.
    """
    found = [_read(workdir) for workdir in (first, second)]
    test = found[0].test
    _check_same(found, (first, second))
    patients = count_patients(test.label, test.patient_id)
    draws = on_host_device(
        draw_patients(
            test.patient_id, replicates, rng.host_generator(seed, "test patients")
        )
    )
    areas = [
        [
            mean_over_labels(resample(test.label, side.test.logit[arm], draws).auroc)
            for arm in side.compared
        ]
        for side in found
    ]
    if np.isnan(areas[0][0][0, 0]):
        raise StudyError(
            f"{first}: no label has both classes among the test images, so no AUROC is "
            "defined"
        )
    sides = [
        _study_gap(workdir, area, patients)
        for workdir, area in zip((first, second), areas, strict=True)
    ]
    lead = estimate(*(synthetic for _, synthetic in areas), patients=patients)
    patients_tested = len(np.unique(test.patient_id))
    return Contrast(sides[0], sides[1], lead, len(test.label), patients_tested)


def _read(workdir: Path) -> Predictions:
    names = Dataset.open(workdir / "data").schema.labels
    return load_predictions(workdir / "classifier", names)


def _check_same(found: Sequence[Predictions], workdirs: Sequence[Path]) -> None:
    first, second = found
    same = first.names == second.names
    for key in ("id", "patient_id", "label"):
        a, b = (getattr(side.test, key) for side in found)
        same = same and np.array_equal(a, b, equal_nan=key == "label")
    if not same:
        raise StudyError(
            f"{workdirs[0]} and {workdirs[1]} were not tested on the same images and "
            "labels: a pair needs the same config.data and config.seed"
        )


def _study_gap(
    workdir: Path,
    areas: Sequence[Float[np.ndarray, "s draws"]],
    patients: PatientCounts,
) -> StudyGap:
    real, synthetic = (float(area[:, 0].mean()) for area in areas)
    gap = estimate(*areas, patients=patients)
    return StudyGap(workdir, real, synthetic, gap)


def pool(leads: Sequence[float], level: float) -> tuple[Interval, float]:
    """Average the leads of pairs that were trained apart, with a two-sided p.

    Student's t over the pairs: what differs from pair to pair, the training of the
    generators and that of the classifiers (and the patients, where the seed draws
    them), is all in their spread.

    Args:
      leads: of two pairs or more.
      level: of the interval, between 0 and 1.
    """
    values = np.asarray(leads, np.float64)
    mean, df = float(values.mean()), len(values) - 1
    error = float(values.std(ddof=1)) / len(values) ** 0.5
    half = float(stats.t.ppf((1 + level) / 2, df)) * error
    p = float(stats.ttest_1samp(values, 0.0).pvalue) if error else float(mean == 0)
    return Interval(mean, max(mean - half, -1.0), min(mean + half, 1.0)), p


def format_contrasts(pairs: Sequence[Contrast], level: float) -> str:
    """Return a table of the studies' gaps, with the lead of each pair and of all."""
    table = format_table(
        ["study", "real", "synthetic", f"gap ({100 * level:g} % interval)"],
        [
            [
                str(side.workdir),
                f"{side.real:.3f}",
                f"{side.synthetic:.3f}",
                _interval(side.gap.share_interval(level)),
            ]
            for pair in pairs
            for side in (pair.first, pair.second)
        ],
        align="l",
    ).splitlines()
    lines = table[:1]
    for number, pair in enumerate(pairs):
        lead = pair.lead
        lines += table[1 + 2 * number : 3 + 2 * number]
        lines.append(
            f"  synthetic, first minus second {_interval(lead.share_interval(level))}, "
            f"p = {lead.p_different():.3f}; n = {pair.images:,} real test images of "
            f"{pair.patients:,} patients"
        )
    if len(pairs) > 1:
        mean, p = pool([pair.lead.value for pair in pairs], level)
        lines.append(
            f"over {len(pairs)} pairs: synthetic, first minus second {_interval(mean)}, "
            f"p = {p:.3f}"
        )
    else:
        lines.append(
            "one pair: the chance of training the generators is not in these intervals"
        )
    return "\n".join(lines)


def _interval(interval: Interval) -> str:
    return f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"
