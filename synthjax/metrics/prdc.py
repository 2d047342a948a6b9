"""Precision, recall, density, coverage, and where the mass of two sets lies.

All rest on balls around images that reach to their k-th nearest neighbour of the same
set. Images of one patient lie close together and would shrink the balls (which makes
density and coverage too small, and hides copies of a patient), so a patient's own images
are never its neighbours.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from synthjax.metrics.ball_counts import ball_counts
from synthjax.metrics.knn import nearest
from synthjax.metrics.metric import Comparison, Metric, MetricValue
from synthjax.metrics.sample import Sample
from synthjax.statistics.interval import Interval
from synthjax.statistics.jackknife import GROUPS, jackknife_interval

LISTED = 5  # neighbours found at least, so that one compiled step serves every k
SPARE = 8  # neighbours beyond k, for those that leave with a group
ALPHAS = np.linspace(0, 1, 30)  # shares of the mass, as in the reference code
_WITHOUT = np.arange(GROUPS)


def nearest_without(
    query: Sample, reference: Sample, k: int
) -> tuple[Float[np.ndarray, "q r"], Int[np.ndarray, "q r"]]:
    """Find each query's k-th nearest reference of another patient: distance and row.

    Column 0 is of all references, column 1 + g of those outside group g. Where too
    many neighbours leave with a group, the last of them stands in: in the interval only.
    Where there is none, the distance is inf and the row -1.
    """
    mine, theirs = query.patient, reference.patient
    if query is reference and mine is None:  # an image is no neighbour of itself
        mine = theirs = np.arange(len(query.features))
    elif mine is None or theirs is None:
        mine = theirs = None
    distance, index = nearest(
        query.features,
        reference.features,
        k=max(k, LISTED) + SPARE,
        query_group=mine,
        reference_group=theirs,
    )
    group = np.where(index < 0, -1, reference.group[index])
    stays = group[:, :, None] != _WITHOUT
    place = np.argmax(np.cumsum(stays, axis=1) == k, axis=1)  # 0: none, or the first
    enough = stays.sum(axis=1) >= k
    place = np.where(enough, place, distance.shape[1] - 1)
    place = np.concatenate([np.full((len(place), 1), k - 1), place], axis=1)
    return (
        np.take_along_axis(distance, place, axis=1),
        np.take_along_axis(index, place, axis=1),
    )


def _average(
    values: Shaped[np.ndarray, "n r"], group: Int[np.ndarray, " n"]
) -> Float[np.ndarray, " r"]:
    """Average over images; in column 1 + g, over those outside group g."""
    keep = np.concatenate(
        [np.ones((len(group), 1), bool), group[:, None] != _WITHOUT], axis=1
    )
    return np.sum(values * keep, axis=0) / np.maximum(keep.sum(axis=0), 1)


def _radii(sample: Sample, reach: Float[np.ndarray, "n r"]) -> Float[np.ndarray, "n r"]:
    """Give balls their radii; one whose image is left out holds nothing."""
    radius = reach.copy()
    radius[:, 1:][sample.group[:, None] == _WITHOUT] = -1
    return radius


def prdc(
    real: Sample, others: Sequence[Sample], *, k: int, level: float
) -> list[dict[str, Interval]]:
    """Measure how other sets overlap with the real one, by balls around their images.

    precision, recall: Kynkäänniemi et al. 2019, arXiv:1904.06991, eq. 1 and 2: share of
    synthetic images in a ball of a real one, and the reverse. density, coverage: Naeem
    et al. 2020, arXiv:2002.09797, eq. 4 and 5: how many real balls hold a synthetic
    image, over k; share of real balls that hold one. alpha_precision: Alaa
    et al. 2022, arXiv:2102.08921, eq. 6: one minus twice the mean absolute difference
    between a share alpha of the mass and what of the other set lies in it. The mass
    nearest to its mean counts first. core_recall is the reverse of it: a real image is
    recalled if the synthetic image next to it is in its ball and in the synthetic share.
    It is not quite beta-recall, for which the authors' program takes k = 1 and the share
    of the synthetic images that are next to a real one.

    Two samples of one distribution do not reach 1 in any of them; the real-real
    baseline says what they reach. Intervals: delete-a-group jackknife over real
    patients and synthetic images, with balls and neighbours found anew.

    Args:
        real: the real set; its patients' own images are left out.
        others: the synthetic set, and whatever else is put in its place.
        k: how many neighbours a ball reaches.
        level: coverage of the intervals.
    """
    reach_real = nearest_without(real, real, k)[0]
    return [_overlap(real, reach_real, other, k, level) for other in others]


def _overlap(
    real: Sample,
    reach_real: Float[np.ndarray, "n r"],
    synthetic: Sample,
    k: int,
    level: float,
) -> dict[str, Interval]:
    """Measure the overlap of one other set."""
    reach_synthetic = nearest_without(synthetic, synthetic, k)[0]
    gap, closest = nearest_without(real, synthetic, 1)
    in_real = ball_counts(synthetic.features, real.features, _radii(real, reach_real))
    in_synthetic = ball_counts(
        real.features, synthetic.features, _radii(synthetic, reach_synthetic)
    )
    hit = gap <= reach_real
    tables = {
        "precision": _average(in_real > 0, synthetic.group),
        "recall": _average(in_synthetic > 0, real.group),
        "density": _average(in_real / k, synthetic.group),
        "coverage": _average(hit, real.group),
        "alpha_precision": _alpha_precision(real, synthetic),
        "core_recall": _core_recall(real, synthetic, hit, closest),
    }
    top = {"density": np.inf}
    return {
        name: jackknife_interval(
            float(table[0]), table[1:], level, bounds=(0.0, top.get(name, 1.0))
        )
        for name, table in tables.items()
    }


def _closeness(curve: Float[np.ndarray, " a"]) -> float:
    """Return one minus twice the mean distance of the curve from the diagonal."""
    return float(1 - np.sum(np.abs(ALPHAS - curve)) / np.sum(ALPHAS))


def _alpha_precision(real: Sample, synthetic: Sample) -> Float[np.ndarray, " r"]:
    """Return alpha-precision of all images, and of those outside each group."""
    values = []
    for g in (-1, *_WITHOUT):
        mine = real.features[real.group != g].astype(np.float64)
        centre = mine.mean(axis=0)
        radius = np.quantile(np.linalg.norm(mine - centre, axis=1), ALPHAS)
        kept = synthetic.features[synthetic.group != g]
        other = np.linalg.norm(kept - centre, axis=1)
        values.append(_closeness(np.mean(other[:, None] <= radius, axis=0)))
    return np.array(values)


def _core_recall(
    real: Sample,
    synthetic: Sample,
    hit: Bool[np.ndarray, "n r"],
    closest: Int[np.ndarray, "n r"],
) -> Float[np.ndarray, " r"]:
    """Return core recall likewise; the centre stays where it is when a group is left out."""
    centre = synthetic.features.mean(axis=0, dtype=np.float64)
    inner = np.linalg.norm(synthetic.features - centre, axis=1)
    values = []
    for g in (-1, *_WITHOUT):
        radius = np.quantile(inner[synthetic.group != g], ALPHAS)
        keep = real.group != g
        near = inner[closest[keep, g + 1], None] <= radius
        values.append(_closeness(np.mean(near & hit[keep, g + 1, None], axis=0)))
    return np.array(values)


def authenticity(
    train: Sample, others: Sequence[Sample], *, level: float
) -> list[Interval]:
    """Measure which images are no nearer to a training image than other patients are.

    The share of images; Alaa et al. 2022, arXiv:2102.08921, section 4.3: an image is authentic if its
    nearest training image is further from it than from the training image of another
    patient next to that one. Honest images give 70 to 90 %, by dimension and number: so
    compare with the value of real images that were not trained on (the baseline),
    never with 100 %. Without leaving out a patient's other images it is blind to copies.
    Interval: delete-a-group jackknife over training patients and generated images.

    Args:
        train: real training images.
        others: synthetic images, and real ones of other patients for the baseline.
        level: coverage of the interval.
    """
    spacing = nearest_without(train, train, 1)[0]
    intervals = []
    for generated in others:
        distance, place = nearest_without(generated, train, 1)
        there = np.take_along_axis(spacing, np.maximum(place, 0), axis=0)
        table = _average(distance > there, generated.group)
        intervals.append(
            jackknife_interval(float(table[0]), table[1:], level, bounds=(0.0, 1.0))
        )
    return intervals


def _overlaps(sets: Comparison) -> list[dict[str, Interval]]:
    """Measure the overlap of the synthetic and the held-out images with the real."""
    others = (sets.synthetic, sets.held_out)
    return prdc(sets.real, others, k=sets.neighbours, level=sets.level)


def _metric(name: str, title: str, meaning: str) -> Metric[Comparison]:
    """Make the metric of one of the numbers of `prdc`."""

    def compute(sets: Comparison) -> MetricValue:
        synthetic, baseline = sets.once(_overlaps)
        return MetricValue(synthetic[name], baseline[name])

    return Metric(name, title, "high", meaning, compute)


PRECISION = _metric(
    "precision", "Precision", "share of synthetic images that lie among real ones"
)
RECALL = _metric(
    "recall", "Recall", "share of real images that lie among synthetic ones"
)
DENSITY = _metric(
    "density", "Density", "how densely real images surround synthetic ones"
)
COVERAGE = _metric(
    "coverage",
    "Coverage",
    "share of real images with a synthetic one in their neighbourhood",
)
ALPHA_PRECISION = _metric(
    "alpha_precision", "Alpha-precision", "synthetic images in the core of the real"
)
CORE_RECALL = _metric(
    "core_recall", "Core recall", "real images in the core of the synthetic ones"
)


def _authenticity_value(sets: Comparison) -> MetricValue:
    """Measure the synthetic images; the baseline is of the real test images."""
    others = (sets.synthetic, sets.real)
    synthetic, baseline = authenticity(sets.train, others, level=sets.level)
    return MetricValue(synthetic, baseline)


AUTHENTICITY = Metric[Comparison](
    name="authenticity",
    title="Authenticity",
    better="high",
    meaning="share of images no nearer to a training image than other patients' are",
    compute=_authenticity_value,
)
