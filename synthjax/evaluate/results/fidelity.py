"""What results.json says of how alike real and synthetic images are."""

from synthjax.evaluate.results.json_form import ABSENT, Absent, json_object, key
from synthjax.statistics.interval import Interval


@json_object
class MetricResult:
    """A metric of the synthetic images, beside its real-real baseline."""

    name: str = key("the metric, such as frechet or ms_ssim")
    synthetic: Interval | Absent = key(
        "synthetic against real images (or of the synthetic images alone)",
        default=ABSENT,
    )
    floor: Interval | None | Absent = key(
        "the real-real baseline: the same of real against other real images, split by "
        "patient; null if there are too few",
        default=ABSENT,
    )
    better: str | Absent = key(
        "direction of better values", default=ABSENT, one_of=("low", "high")
    )
    n_real: int | Absent = key("real images", default=ABSENT)
    n_synthetic: int | Absent = key("synthetic images", default=ABSENT)
    pairs_synthetic: int | Absent = key("pairs of synthetic images", default=ABSENT)
    pairs_real: int | Absent = key("pairs of real images", default=ABSENT)
    reason: str | Absent = key("why there are no numbers", default=ABSENT)


@json_object
class LabelMetrics:
    """The metrics on the images with one finding."""

    name: str = key("the finding")
    encoder: str | Absent = key(
        "the encoder and its number of features, which is smaller here", default=ABSENT
    )
    n_real: int = key("real images")
    n_synthetic: int = key("synthetic images")
    metrics: tuple[MetricResult, ...] = key("on these images")
    reason: str | Absent = key("why there are no numbers", default=ABSENT)


@json_object
class EncoderMetrics:
    """The metrics in the features of one encoder."""

    name: str = key("the encoder and its number of features")
    n_real: int = key("real images")
    n_synthetic: int = key("synthetic images")
    n_train: int | Absent = key("real training images", default=ABSENT)
    floor: str | Absent = key(
        "which real images stand in the synthetic ones' place", default=ABSENT
    )
    metrics: tuple[MetricResult, ...] = key("on all images")
    labels: tuple[LabelMetrics, ...] | Absent = key(
        "on the images with a finding", default=ABSENT
    )


@json_object
class Fidelity:
    """How alike real and synthetic images are."""

    encoders: tuple[EncoderMetrics, ...] = key("one entry for each encoder")
    images: tuple[MetricResult, ...] = key("metrics without encoder")
    reason: str | Absent = key("why there are no numbers", default=ABSENT)
