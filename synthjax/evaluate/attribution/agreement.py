"""How alike maps of two classifiers are, beside those of two trainings of one."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Int

from synthjax.evaluate.results.attribution import MapAgreement
from synthjax.statistics.interval import Interval
from synthjax.statistics.patient_counts import count_patients
from synthjax.statistics.seed_patient_variance import estimate


def rank_correlation(
    first: Float[np.ndarray, "n q"], second: Float[np.ndarray, "n q"]
) -> Float[np.ndarray, " n"]:
    """Return Spearman's correlation of each row of one map with that of the other.

    Ties get their mean rank; NaN where a row is constant.
    """
    one, other = (_centred_ranks(values) for values in (first, second))
    length = np.sqrt(np.sum(one**2, axis=1) * np.sum(other**2, axis=1))
    product = np.sum(one * other, axis=1)
    return np.where(length > 0, product / np.where(length > 0, length, 1), np.nan)


def _centred_ranks(values: Float[np.ndarray, "n q"]) -> Float[np.ndarray, "n q"]:
    ranks = np.empty(values.shape)
    for row, line in enumerate(values):
        _, place, count = np.unique(line, return_inverse=True, return_counts=True)
        ranks[row] = (np.cumsum(count) - (count - 1) / 2)[place.ravel()]
    return ranks - (values.shape[1] + 1) / 2


def compare_maps(
    maps: Mapping[str, Float[np.ndarray, "n q"]],
    patient: np.ndarray,
    multiplicity: Int[np.ndarray, "n draws"],
    level: float,
) -> MapAgreement:
    """Average the agreement of maps over images, with intervals over the patients.

    How the three trainings went is not in the intervals.

    Args:
        maps: of the same images: of the classifiers "real" and "synthetic", and of
            "again", a second real-trained one, where there is one.
        patient: [n] of each image.
        multiplicity: how often each image is in the sample and in each draw of patients.
        level: coverage.
    """
    correlation = {"agreement": rank_correlation(maps["real"], maps["synthetic"])}
    if "again" in maps:
        correlation["control"] = rank_correlation(maps["real"], maps["again"])
    # An image that one of the comparisons lacks is left out of all of them.
    known = np.isfinite(np.stack(list(correlation.values()))).all(axis=0)
    shown = np.where(known, 1.0, np.nan)[:, None]
    patients = count_patients(shown, patient, by_class=False)
    means = {
        name: _means(values[known], multiplicity[known])[None]
        for name, values in correlation.items()
    }
    intervals = {
        name: _clipped(estimate(table, patients=patients).interval(level))
        for name, table in means.items()
    }
    difference = None
    if "control" in means:
        difference = estimate(*means.values(), patients=patients).interval(level)
    return MapAgreement(
        agreement=intervals["agreement"],
        control=intervals.get("control"),
        difference=difference,
        n_undefined=int(np.sum(~known)),
    )


def _means(
    values: Float[np.ndarray, " n"], multiplicity: Int[np.ndarray, "n draws"]
) -> Float[np.ndarray, " draws"]:
    """Average over the images of the sample and of each draw; NaN of none."""
    count = multiplicity.sum(axis=0)
    return np.where(count > 0, values @ multiplicity / np.maximum(count, 1), np.nan)


def _clipped(interval: Interval) -> Interval:
    """Return the interval with ends that a correlation can have."""
    return Interval(interval.value, max(interval.low, -1.0), min(interval.high, 1.0))
