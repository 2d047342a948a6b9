"""The gap between two sets of trained networks on the same test images, in one call.

The gap is the mean AUROC of networks trained on real images minus that of networks
trained on synthetic ones. Its interval takes account of all that makes such a number
uncertain, which a test of two ROC curves does not:

- it is paired: both arms are measured on the same images in the same draws;
- it is clustered: whole patients are drawn, with all of their images (Field and Welsh,
  Journal of the Royal Statistical Society B 69, 2007);
- it is over several training seeds, which are crossed with the patients as the readers
  are in a study of many readers and many cases (Obuchowski and Rockette, Communications
  in Statistics - Simulation and Computation 24, 1995).

The variance and the ends are derived in `seed_patient_variance`.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped

from synthjax.core import rng
from synthjax.statistics.bootstrap import draw_patients, mean_over_labels, resample
from synthjax.statistics.interval import Interval
from synthjax.statistics.noninferiority import Outcome, conclude
from synthjax.statistics.patient_counts import count_patients
from synthjax.statistics.roc import on_host_device, undefined_reason
from synthjax.statistics.seed_patient_variance import Estimate, estimate


@dataclass(frozen=True)
class GapInterval:
    """The mean AUROC gap, real minus synthetic, with its interval and its tests."""

    gap: float  # -1 to 1; above 0, training on synthetic images loses
    low: float  # ends of the interval
    high: float
    level: float  # coverage of the intervals
    p_different: float  # two-sided p of the hypothesis that there is no gap
    real: Interval  # mean AUROC of the networks trained on real images
    synthetic: Interval  # and of those trained on synthetic ones
    labels: int  # that have both classes; the mean is over them
    images: int
    patients: int
    seeds: tuple[int, int]  # networks of either arm
    estimate: Estimate  # the gap with its variance by source

    def p_noninferior(self, margin: float) -> float:
        """Return the one-sided p of the hypothesis that the gap is `margin` or more.

        Below (1 - level) / 2 exactly where the interval's upper end is below the margin:
        the loss is then shown to be smaller than a margin that was chosen before.
        """
        return self.estimate.p_below(margin)

    def conclude(self, margin: float) -> Outcome:
        """Say what may be concluded at a margin that was chosen before.

        Other than the p alone, it asks for enough patients and seeds, and for networks
        that learned something from the real images.
        """
        return conclude(self.estimate, self.real, margin, level=self.level)


def gap_interval(
    label: Float[np.ndarray, "n y"],
    real_logits: Float[np.ndarray, "s n y"],
    synthetic_logits: Float[np.ndarray, "t n y"],
    patient_id: Shaped[np.ndarray, " n"],
    *,
    level: float = 0.95,
    replicates: int = 2000,
    seed: int = 0,
) -> GapInterval:
    """Estimate how much AUROC is lost by training on synthetic images.

    One column of labels is one finding; a single one is given as [n 1]. A finding that
    has one class only is left out of both arms. With one seed in each arm, the chance of
    training is unknown and not in the interval, which is then too short.

    Args:
        label: of the test images, 0, 1 or NaN (unknown).
        real_logits: scores of each network trained on real images; any monotone score.
        synthetic_logits: of each network trained on synthetic images, on the same test
            images; the number of seeds may differ.
        patient_id: of each test image.
        level: coverage of the intervals, between 0 and 1.
        replicates: draws of patients.
        seed: of the draws.

    Raises:
        ValueError: arrays that do not fit each other, labels other than 0, 1 and NaN,
            scores that are not finite, or no label with both classes.
    """
    arms = {"real_logits": real_logits, "synthetic_logits": synthetic_logits}
    _check(label, arms, patient_id)
    reasons = [undefined_reason(column) for column in label.T]
    if all(reasons):
        raise ValueError(f"no label has an AUROC; the first has {reasons[0]}")
    draws = on_host_device(
        draw_patients(patient_id, replicates, rng.host_generator(seed, "test patients"))
    )
    real, synthetic = (
        mean_over_labels(resample(label, logit, draws).auroc) for logit in arms.values()
    )
    patients = count_patients(label, patient_id)
    gap = estimate(real, synthetic, patients=patients)
    interval = gap.share_interval(level)
    return GapInterval(
        gap=interval.value,
        low=interval.low,
        high=interval.high,
        level=level,
        p_different=gap.p_different(),
        real=estimate(real, patients=patients).share_interval(level),
        synthetic=estimate(synthetic, patients=patients).share_interval(level),
        labels=sum(reason is None for reason in reasons),
        images=len(label),
        patients=len(np.unique(patient_id)),
        seeds=(len(real), len(synthetic)),
        estimate=gap,
    )


def _check(
    label: np.ndarray, arms: dict[str, np.ndarray], patient_id: np.ndarray
) -> None:
    """Raise ValueError where the arguments of `gap_interval` do not fit."""
    if label.ndim != 2 or len(patient_id) != len(label):
        raise ValueError(
            f"label {label.shape} must be [images, labels], and patient_id "
            f"{patient_id.shape} must have one entry for each image"
        )
    if not np.isin(label[~np.isnan(label)], (0, 1)).all():
        raise ValueError("label must hold 0, 1 and, where it is unknown, NaN")
    for name, logit in arms.items():
        if logit.ndim != 3 or len(logit) < 1 or logit.shape[1:] != label.shape:
            raise ValueError(
                f"{name} {logit.shape} must be [seeds, images, labels] for label "
                f"{label.shape}"
            )
        if not np.isfinite(logit).all():
            raise ValueError(f"{name} must be finite")
