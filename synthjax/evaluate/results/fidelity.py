"""What results.json says of how alike real and synthetic images are."""

from synthjax.evaluate.results.json_form import ABSENT, Absent, json_object, key
from synthjax.statistics.interval import Interval


@json_object
class MetricResult:
    """A metric of the synthetic images, beside its real-real baseline."""

    name: str = key(
        "the metric, on scaled features in the axes that the encoder's name tells; k is "
        "`neighbours`. frechet: squared Fréchet distance (no FID, see `published`). "
        "frechet_infinity: that, extrapolated to infinitely many images. kid: unbiased "
        "squared maximum mean discrepancy of all pairs, kernel (x.y / d + 1)^3. vendi: "
        "Vendi score. precision, recall: Kynkäänniemi et al. 2019 with balls to the "
        "k-th neighbour. density, coverage: Naeem et al. 2020 with the same balls. "
        "alpha_precision: Alaa et al. 2022. core_recall (beta_recall in earlier results): "
        "after their beta-recall, with real balls to the k-th neighbour and the share of "
        "all synthetic images nearest to their mean, where the authors' program has k = 1 "
        "and the share of those next to a real image. "
        "authenticity: Alaa et al. 2022, of other patients. ms_ssim: Wang et al. 2003, "
        "mean of the channels"
    )
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
class PublishedMetrics:
    """FID and KID as the literature defines them, of the encoder's raw features.

    They have no interval and no baseline: they are here to be compared with published
    numbers, and the metrics beside them to be trusted.
    """

    fid: float = key(
        "Fréchet inception distance of all features, as torch-fidelity defines it"
    )
    kid: float = key(
        "kernel inception distance: mean over 100 random subsets of kid_subset_size "
        "images, kernel (x.y / d + 1)^3, as torch-fidelity defines it"
    )
    kid_deviation: float = key("standard deviation over the subsets", ge=0)
    kid_subset_size: int = key("images of a subset; 1000 if there are as many", ge=1)
    n_real: int = key("real images")
    n_synthetic: int = key("synthetic images")
    warning: str | Absent = key(
        "why the FID is biased: there are fewer images than features", default=ABSENT
    )


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
    neighbours: int | Absent = key(
        "k: the neighbour that a ball reaches to", default=ABSENT, ge=1
    )
    metrics: tuple[MetricResult, ...] = key("on all images")
    published: PublishedMetrics | Absent = key(
        "of an encoder that the literature uses: its FID and KID", default=ABSENT
    )
    labels: tuple[LabelMetrics, ...] | Absent = key(
        "on the images with a finding", default=ABSENT
    )


@json_object
class Fidelity:
    """How alike real and synthetic images are."""

    encoders: tuple[EncoderMetrics, ...] = key("one entry for each encoder")
    images: tuple[MetricResult, ...] = key("metrics without encoder")
    reason: str | Absent = key("why there are no numbers", default=ABSENT)
