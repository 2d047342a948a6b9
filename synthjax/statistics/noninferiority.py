"""What may be concluded of a gap: that it is below the margin, that it is not, or nothing.

A loss is small for a reason that is no merit if there was nothing to lose. A
non-inferiority trial needs a control that is known to work (assay sensitivity, ICH E10,
section 1.5): here, classifiers trained on real images that are shown to be above chance.
"""

import enum

from synthjax.statistics.interval import Interval
from synthjax.statistics.seed_patient_variance import Estimate

MIN_PATIENTS = 10  # with each finding, and as many without it
MIN_SEEDS = 2  # of each arm; one says nothing of the chance of training
CHANCE = 0.5  # AUROC of scores that say nothing


class Outcome(enum.StrEnum):
    """What may be concluded of the gap at a margin."""

    SHOWN = "shown"  # the gap is below the margin
    NOT_SHOWN = "not shown"
    NOTHING_LEARNED = "nothing learned"  # from the real images
    TOO_FEW_PATIENTS = "too few patients"
    TOO_FEW_SEEDS = "too few seeds"


def conclude(
    gap: Estimate,
    real: Interval,
    margin: float,
    *,
    level: float,
    above_control: Interval | None = None,
) -> Outcome:
    """Say what may be concluded of a mean AUROC gap, real minus synthetic.

    Args:
        gap: of the two arms.
        real: mean AUROC of the real arm.
        margin: loss that was called acceptable before, above 0.
        level: of the intervals; the test is one-sided at half of what they leave out.
        above_control: mean AUROC of the real arm minus that of one trained on shuffled
            labels, where there is one.
    """
    if gap.patients.rarest < MIN_PATIENTS:
        return Outcome.TOO_FEW_PATIENTS
    if not real.low > CHANCE or (above_control and not above_control.low > 0):
        return Outcome.NOTHING_LEARNED
    if min(arm.seeds for arm in gap.arms) < MIN_SEEDS:
        return Outcome.TOO_FEW_SEEDS
    shown = gap.share_interval(level).high < margin
    return Outcome.SHOWN if shown else Outcome.NOT_SHOWN
