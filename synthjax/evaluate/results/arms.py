"""What results.json says of the arms: in groups, calibrated, and as curves."""

from synthjax.evaluate.results.json_form import ABSENT, Absent, json_object, key
from synthjax.statistics.interval import Interval


@json_object
class Arm:
    """One arm on real test images."""

    name: str = key("the arm")
    mean: Interval = key("mean AUROC on real test images")
    gap_to_real: Interval | None = key(
        "mean AUROC of the real arm minus that of this one"
    )
    seeds: int = key("training seeds")
    n_train: int | None | Absent = key(
        "training images; null if not recorded", default=ABSENT
    )


@json_object
class LabelOnSynthetic:
    """The AUROC for one label on synthetic test images."""

    name: str = key("the finding")
    auroc: Interval | None = key("0 to 1; null if undefined")
    n_positive: int = key("synthetic test images labelled with the finding")
    n: int = key("synthetic test images with a known label")
    undefined: str | Absent = key("why there is no AUROC", default=ABSENT)


@json_object
class OnSynthetic:
    """AUROC of one arm on synthetic test images."""

    mean: Interval = key("mean AUROC over the defined labels")
    labels: tuple[LabelOnSynthetic, ...] = key("one entry for each label")


@json_object
class Subgroup:
    """The comparison among some of the test patients."""

    by: str = key("what the patients are grouped by", one_of=("sex", "age", "view"))
    group: str = key("the group")
    n: int = key("real test images")
    patients: int = key("their patients")
    real: Interval | None | Absent = key(
        "mean AUROC; null in groups too small", default=ABSENT
    )
    synthetic: Interval | None | Absent = key("mean AUROC", default=ABSENT)
    gap: Interval | None | Absent = key("real minus synthetic", default=ABSENT)
    findings: int | Absent = key("labels that are defined in the group", default=ABSENT)
    reason: str | Absent = key("why there are no numbers", default=ABSENT)


@json_object
class CalibrationIntervals:
    """The numbers of a calibration with their intervals."""

    ece: Interval = key("of ece")
    slope: Interval = key("of slope")
    intercept: Interval = key("of intercept")
    brier: Interval = key("of brier")


@json_object
class CalibrationNumbers:
    """Calibration of the probabilities of all findings together."""

    ece: float = key(
        "expected calibration error over bins of equal numbers of images, 0 to 1", ge=0
    )
    slope: float = key("of the logistic recalibration; 1 is ideal, less is too extreme")
    intercept: float = key("of the logistic recalibration, logits; 0 is ideal")
    brier: float = key("mean squared error of the probabilities", ge=0)
    intervals: CalibrationIntervals | Absent = key(
        "the same four with their intervals", default=ABSENT
    )


@json_object
class ReliabilityCurve:
    """Reliability diagram before recalibration, by bins of equally many images."""

    confidence: tuple[float, ...] = key("mean probability of each bin", ge=0, le=1)
    observed: tuple[float, ...] = key("share of positives of each bin", ge=0, le=1)
    n: tuple[int, ...] = key("cases in each bin")


@json_object
class ArmCalibration:
    """Calibration of one arm."""

    name: str = key("the arm")
    before: CalibrationNumbers = key("calibration of the probabilities as they are")
    after: CalibrationNumbers | None = key(
        "after recalibration on real validation images; null without their predictions"
    )
    curve: ReliabilityCurve | Absent = key(
        "reliability diagram before recalibration", default=ABSENT
    )


@json_object
class Calibration:
    """Whether probabilities are frequencies."""

    bins: int = key("bins of equally many images")
    arms: tuple[ArmCalibration, ...] = key("one entry for each arm")


@json_object
class RocCurve:
    """The ROC curves for one label."""

    name: str = key("the finding")
    real: tuple[float, ...] = key("true positive rates", ge=0, le=1)
    synthetic: tuple[float, ...] = key("true positive rates", ge=0, le=1)


@json_object
class RocCurves:
    """ROC curves on real test images, mean over seeds."""

    fpr: tuple[float, ...] = key("false positive rates of all curves", ge=0, le=1)
    labels: tuple[RocCurve, ...] = key("defined labels")


@json_object
class PrecisionRecallCurve:
    """Precision over recall for one label."""

    name: str = key("the finding")
    real: tuple[float, ...] = key("precisions", ge=0, le=1)
    synthetic: tuple[float, ...] = key("precisions", ge=0, le=1)
    prevalence: float = key("share of positives: the precision of guessing", ge=0, le=1)


@json_object
class PrecisionRecall:
    """Precision over recall on real test images, mean over seeds."""

    recall: tuple[float, ...] = key("recalls of all curves", ge=0, le=1)
    labels: tuple[PrecisionRecallCurve, ...] = key("defined labels")


@json_object
class Bootstrap:
    """How the intervals were made."""

    replicates: int = key("resamplings of patients and seeds")
    level: float = key("coverage of the intervals, such as 0.95", gt=0, lt=1)
    seed: int = key("of the draws")
