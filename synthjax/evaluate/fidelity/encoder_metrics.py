"""Real, synthetic and again real images in the features of one encoder."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from synthjax.encoders import Encoder
from synthjax.evaluate.fidelity.config import FidelityConfig
from synthjax.evaluate.fidelity.features import fit_features
from synthjax.evaluate.fidelity.metric_result import measure_metrics
from synthjax.evaluate.fidelity.sets import Features, FidelityImages
from synthjax.evaluate.results.fidelity import (
    EncoderMetrics,
    LabelMetrics,
    PublishedMetrics,
)
from synthjax.evaluate.results.json_form import ABSENT
from synthjax.metrics.metric import Comparison
from synthjax.metrics.published import fid, published_kid
from synthjax.metrics.registry import METRICS
from synthjax.metrics.sample import Sample


def measure_encoder(
    config: FidelityConfig,
    level: float,
    encoder: Encoder,
    features: Features,
    images: FidelityImages,
    labels: tuple[str, ...],
) -> EncoderMetrics:
    """Measure every metric in the features of one encoder, overall and by label.

    Args:
        config: the section config.evaluate.fidelity.
        level: coverage of the intervals.
        encoder: whose features they are.
        features: of all images.
        images: which of them are compared.
        labels: names.
    """
    count = len(images.compared.real)
    max_axes = min(config.dimensions, max(1, int(config.axes_per_image * count)))
    fit, name = fit_features(encoder, features.train, max_axes)
    fitted = Features(*(fit(part) for part in features))
    comparison = Comparison(
        *images.samples(fitted), level=level, neighbours=config.neighbours
    )
    return EncoderMetrics(
        name=name,
        n_real=count,
        n_synthetic=count,
        n_train=len(images.train),
        neighbours=config.neighbours,
        metrics=measure_metrics(METRICS, comparison),
        published=_measure_published(features) if encoder.published else ABSENT,
        labels=_measure_labels(config, level, encoder, features, images, labels),
    )


def _measure_published(features: Features) -> PublishedMetrics:
    """Measure FID and KID of all real test and all synthetic images, unscaled."""
    distance, warning = fid(features.real, features.synthetic)
    kernel = published_kid(features.real, features.synthetic)
    return PublishedMetrics(
        fid=distance,
        kid=kernel.mean,
        kid_deviation=kernel.deviation,
        kid_subset_size=kernel.subset_size,
        n_real=len(features.real),
        n_synthetic=len(features.synthetic),
        warning=warning or ABSENT,
    )


def _measure_labels(
    config: FidelityConfig,
    level: float,
    encoder: Encoder,
    features: Features,
    images: FidelityImages,
    labels: tuple[str, ...],
) -> tuple[LabelMetrics, ...]:
    """Measure the images with each label, in a few axes; a reason for too few."""
    fit, name = fit_features(encoder, features.train, config.label_dimensions)
    samples = images.samples(Features(*(fit(part) for part in features)))
    return tuple(
        _measure_label(config, level, label, name, samples, images.having(y))
        for y, label in enumerate(labels)
    )


def _measure_label(
    config: FidelityConfig,
    level: float,
    label: str,
    encoder: str,
    samples: Sequence[Sample],
    rows: Sequence[Int[np.ndarray, " m"]],
) -> LabelMetrics:
    """Measure the metrics by label of the images at these rows of the samples."""
    *compared, _ = rows
    count = min(len(part) for part in compared)
    if count < config.label_minimum:
        return LabelMetrics(
            name=label,
            encoder=encoder,
            n_real=len(compared[0]),
            n_synthetic=len(compared[1]),
            metrics=(),
            reason=(
                f"{count} images of the smallest set, below {config.label_minimum}"
            ),
        )
    equal = [*(_spaced(part, count) for part in compared), rows[-1]]
    real, synthetic, held_out, train = (
        sample.take(part) for sample, part in zip(samples, equal, strict=True)
    )
    comparison = Comparison(
        real=real,
        synthetic=synthetic,
        held_out=held_out,
        train=train,
        level=level,
        neighbours=config.neighbours,
    )
    by_label = {name: metric for name, metric in METRICS.items() if metric.by_label}
    return LabelMetrics(
        name=label,
        encoder=encoder,
        n_real=count,
        n_synthetic=count,
        metrics=measure_metrics(by_label, comparison),
    )


def _spaced(rows: Int[np.ndarray, " n"], count: int) -> Int[np.ndarray, " m"]:
    """Return `count` of the rows, evenly spread; their order has no meaning."""
    return rows[np.arange(count) * len(rows) // count]
