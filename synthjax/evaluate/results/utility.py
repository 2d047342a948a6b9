"""What results.json says of the utility: the gap, in the mean and for each label."""

from synthjax.evaluate.results.json_form import ABSENT, Absent, json_object, key
from synthjax.statistics.interval import Interval
from synthjax.statistics.noninferiority import Outcome

_REAL = "of the classifiers trained on real images"
_SYNTHETIC = "of those trained on synthetic images"
_GAP = "real minus synthetic"


@json_object
class ArmMean:
    """Mean AUROC over the defined labels, 0 to 1."""

    auroc: Interval = key("mean AUROC", inline=True)
    seeds: tuple[float, ...] | Absent = key("of each training seed", default=ABSENT)


@json_object
class GapMean:
    """Mean AUROC, real minus synthetic."""

    auroc: Interval = key("the gap", inline=True)
    sd_patients: float | Absent = key(
        "its standard deviation when patients alone are drawn", default=ABSENT
    )


@json_object
class ArmComparison:
    """A number of both arms on real test images, and their difference."""

    real: Interval = key(_REAL)
    synthetic: Interval = key(_SYNTHETIC)
    gap: Interval | Absent = key(_GAP, default=ABSENT)


@json_object
class AveragePrecision:
    """Average precision, 0 to 1: area under precision over recall."""

    comparison: ArmComparison = key("of both arms", inline=True)
    prevalence: float | Absent = key(
        "share of positives among images with a known label: the average precision of "
        "guessing",
        default=ABSENT,
        ge=0,
        le=1,
    )


@json_object
class Sensitivity:
    """Share of positives found at a fixed specificity."""

    specificity: float | Absent = key(
        "share of negatives that the threshold passes", default=ABSENT, ge=0, le=1
    )
    comparison: ArmComparison = key("of both arms", inline=True)


@json_object
class Brier:
    """Mean squared error of the probabilities, 0 to 1, lower is better."""

    real: float = key(_REAL, ge=0, le=1)
    synthetic: float = key(_SYNTHETIC, ge=0, le=1)
    gap: Interval | Absent = key(_GAP, default=ABSENT)


@json_object
class MeanUtility:
    """Means over the labels that are defined."""

    real: ArmMean = key(_REAL)
    synthetic: ArmMean = key(_SYNTHETIC)
    gap: GapMean = key(_GAP)
    average_precision: ArmComparison | Absent = key(
        "mean average precision over the defined labels", default=ABSENT
    )
    brier: Brier | Absent = key(
        "mean squared error of the probabilities", default=ABSENT
    )


@json_object
class DeLongTest:
    """DeLong's test of the first seed of both arms, taking images as independent."""

    gap: Interval = key("AUROC, real minus synthetic", inline=True)
    p: float = key("two-sided p-value", ge=0, le=1)


@json_object
class LabelUtility:
    """The utility for one label."""

    name: str = key("the finding")
    real: Interval | None = key(
        "AUROC of real-trained classifiers on real test images, 0 to 1; null if "
        "undefined"
    )
    synthetic: Interval | None = key(
        "AUROC of synthetic-trained classifiers on real test images; null if undefined"
    )
    gap: Interval | None = key("AUROC, real minus synthetic; null if undefined")
    n_positive: int = key("real test images with the finding")
    n: int = key("real test images whose label is known")
    undefined: str | Absent = key(
        "why there is no AUROC; only where there is none", default=ABSENT
    )
    replicates_left_out: int | Absent = key(
        "bootstrap replicates in which a class was missing", default=ABSENT
    )
    average_precision: AveragePrecision | Absent = key(
        "average precision, 0 to 1", default=ABSENT
    )
    sensitivity: Sensitivity | Absent = key(
        "share of positives found at a fixed specificity", default=ABSENT
    )
    brier: Brier | Absent = key(
        "mean squared error of the probabilities", default=ABSENT
    )
    delong: DeLongTest | Absent = key("DeLong's test of the first seed", default=ABSENT)
    p: float | Absent = key("two-sided p-value of the gap", default=ABSENT, ge=0, le=1)
    p_holm: float | Absent = key(
        "p after Holm's correction over the labels", default=ABSENT, ge=0, le=1
    )
    significant: bool | Absent = key(
        "whether the gap differs from zero after Holm's correction", default=ABSENT
    )


@json_object
class Utility:
    """What synthetic training images cost on real test images."""

    mean: MeanUtility = key("means over the labels that are defined")
    labels: tuple[LabelUtility, ...] = key(
        "one entry for each label, in the order of the set"
    )


@json_object
class GapVariance:
    """Variance of the gap by its source, squared AUROC."""

    patients: float | Absent = key("of the test patients", default=ABSENT)
    seeds_real: float | Absent = key(
        "of the training seeds of the real arm", default=ABSENT
    )
    seeds_synthetic: float | Absent = key(
        "of the training seeds of the synthetic arm", default=ABSENT
    )


@json_object
class Primary:
    """The one endpoint that was named before the run."""

    endpoint: str = key("what it is")
    arm: str | Absent = key(
        "the arm that is compared with the real one; synthetic where it is not said",
        default=ABSENT,
    )
    gap: Interval = key("mean AUROC, real minus synthetic")
    margin: float = key("loss of mean AUROC called acceptable before the run")
    p_noninferior: float = key(
        "one-sided p-value of the hypothesis that the gap is the margin or more",
        ge=0,
        le=1,
    )
    noninferior: bool = key("whether the gap is shown to be less than the margin")
    outcome: str | Absent = key(
        "what may be concluded: of nothing learned (from the real images), too few "
        "patients and too few seeds no claim is made",
        default=ABSENT,
        one_of=tuple(Outcome),
    )
    conclusion: str | Absent = key("the outcome in sentences", default=ABSENT)
    variance: GapVariance | Absent = key(
        "variance of the gap by its source", default=ABSENT
    )
    method: str | Absent = key("how interval and p-value were made", default=ABSENT)
