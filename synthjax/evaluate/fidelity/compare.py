"""Real, synthetic and again real images in the features of one encoder."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from synthjax.encoders import Encoder
from synthjax.evaluate.fidelity.config import FidelityConfig
from synthjax.evaluate.fidelity.features import ImageSet, fit_features
from synthjax.evaluate.fidelity.metric import metric
from synthjax.metrics.diversity import vendi_score
from synthjax.metrics.frechet_extrapolated import frechet_intervals, frechet_sample
from synthjax.metrics.kid import kid
from synthjax.metrics.prdc import Sample, authenticity, prdc
from synthjax.statistics.jackknife import GROUPS, assign_groups

Images = tuple[ImageSet, ImageSet, ImageSet]  # real test, synthetic, real training
Groups = tuple[np.ndarray, ...]  # of each image of them, for the jackknife


@dataclasses.dataclass(frozen=True)
class Trio:
    """Rows of equally many images: real, synthetic, and real ones of other patients."""

    real: Int[np.ndarray, " n"]
    synthetic: Int[np.ndarray, " n"]
    other: Int[np.ndarray, " n"]  # of the same real set


def deal_trio(
    real: ImageSet, synthetic: ImageSet, generator: np.random.Generator
) -> Trio:
    """Two halves of the real patients, and as many images of either as of the rest."""
    half = assign_groups(real.patient, generator) < GROUPS // 2
    sides = (np.flatnonzero(half), np.arange(len(synthetic)), np.flatnonzero(~half))
    count = min(len(rows) for rows in sides)
    drawn = [np.sort(generator.permutation(rows)[:count]) for rows in sides]
    return Trio(*drawn)


def compare(
    config: FidelityConfig,
    level: float,
    encoder: Encoder,
    features: Sequence[Float[np.ndarray, "n d"]],
    images: Images,
    trio: Trio,
    labels: tuple[str, ...],
    groups: Groups,
) -> dict[str, Any]:
    """The entry of one encoder in results.json.

    Args:
        config: the section config.evaluate.fidelity.
        level: coverage of the intervals.
        encoder: whose features they are.
        features: of all real test, synthetic and real training images.
        images: those three sets.
        trio: which of them are compared.
        labels: names.
        groups: of all images of the three sets.
    """
    count = len(trio.real)
    most = min(config.dimensions, max(1, int(config.axes_per_image * count)))
    fit, name = fit_features(encoder, features[2], most)
    samples = _samples([fit(part) for part in features], images, groups)
    real, synthetic, other = _chosen(samples, trio)
    metrics = _distances((real, synthetic, other), level)
    pair = (synthetic, real)
    spread = [vendi_score(part.features, part.group, level) for part in pair]
    metrics.append(metric("vendi", spread, "high"))
    first, floor = prdc(real, (synthetic, other), k=config.neighbours, level=level)
    metrics += [metric(key, (first[key], floor[key]), "high") for key in first]
    own = authenticity(samples[2], pair, level=level)
    metrics.append(metric("authenticity", own, "high"))
    return {
        "name": name,
        "n_real": count,
        "n_synthetic": count,
        "n_train": len(images[2]),
        "metrics": metrics,
        "labels": _by_label(
            config, level, encoder, features, images, trio, labels, groups
        ),
    }


def _samples(
    features: Sequence[np.ndarray], images: Images, groups: Groups
) -> list[Sample]:
    """The three sets; a synthetic image is of no patient."""
    patients = (images[0].patient, None, images[2].patient)
    return [Sample(*part) for part in zip(features, patients, groups, strict=True)]


def _chosen(samples: Sequence[Sample], trio: Trio) -> list[Sample]:
    real, synthetic, _ = samples
    return [
        real.take(trio.real),
        synthetic.take(trio.synthetic),
        real.take(trio.other),
    ]


def _distances(samples: Sequence[Sample], level: float) -> list[dict[str, Any]]:
    """What needs no neighbours, so that it is cheap for every label too."""
    real, *others = (frechet_sample(part.features, part.group) for part in samples)
    pairs = zip(
        *(frechet_intervals(real, other, level) for other in others), strict=True
    )
    found = [
        metric(name, values, "low")
        for name, values in zip(("frechet", "frechet_infinity"), pairs, strict=True)
    ]
    kernel = kid(samples[0], samples[1:], level=level)
    return [*found, metric("kid", kernel, "low")]


def _by_label(
    config: FidelityConfig,
    level: float,
    encoder: Encoder,
    features: Sequence[np.ndarray],
    images: Images,
    trio: Trio,
    labels: tuple[str, ...],
    groups: Groups,
) -> list[dict[str, Any]]:
    """Distances of the images with each label, in a few axes; a reason for too few."""
    fit, name = fit_features(encoder, features[2], config.label_dimensions)
    chosen = _chosen(_samples([fit(part) for part in features], images, groups), trio)
    real, synthetic = (part.label for part in images[:2])
    tables = (real[trio.real], synthetic[trio.synthetic], real[trio.other])
    entries = []
    for y, label in enumerate(labels):
        rows = [np.flatnonzero(table[:, y] == 1) for table in tables]
        entry: dict[str, Any] = {
            "name": label,
            "encoder": name,
            "n_real": len(rows[0]),
            "n_synthetic": len(rows[1]),
        }
        count = min(len(part) for part in rows)
        if count < config.label_minimum:
            reason = f"{count} images of the smallest set, below {config.label_minimum}"
            entries.append({**entry, "metrics": [], "reason": reason})
            continue
        equal = [
            sample.take(_spaced(part, count))
            for sample, part in zip(chosen, rows, strict=True)
        ]
        entry |= {"n_real": count, "n_synthetic": count}
        entries.append({**entry, "metrics": _distances(equal, level)})
    return entries


def _spaced(rows: Int[np.ndarray, " n"], count: int) -> Int[np.ndarray, " m"]:
    """`count` of the rows, evenly spread; their order is of no meaning."""
    return rows[np.arange(count) * len(rows) // count]
