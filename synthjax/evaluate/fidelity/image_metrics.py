"""What is measured of the images themselves, without an encoder."""

import numpy as np

from synthjax.evaluate.fidelity.config import FidelityConfig
from synthjax.evaluate.fidelity.metric_result import measure_metrics
from synthjax.evaluate.fidelity.sets import Features, FidelityImages
from synthjax.evaluate.results.fidelity import MetricResult
from synthjax.metrics.metric import ImageComparison, Images
from synthjax.metrics.registry import IMAGE_METRICS


def measure_images(
    config: FidelityConfig,
    level: float,
    thumbnails: Features,
    images: FidelityImages,
    generator: np.random.Generator,
) -> tuple[MetricResult, ...]:
    """Measure every metric of images.

    Args:
        config: the section config.evaluate.fidelity.
        level: coverage of the intervals.
        thumbnails: of all images, -1 to 1, in place of features.
        images: which of them are compared.
        generator: of the metrics' draws.
    """
    real, synthetic, held_out, _ = images.samples(thumbnails)
    comparison = ImageComparison(
        real=real,
        synthetic=synthetic,
        held_out=held_out,
        real_images=Images(images.real.pixels, images.real.patient, images.real_group),
        synthetic_images=Images(
            images.synthetic.pixels,
            np.arange(len(images.synthetic)),  # each is its own patient
            images.synthetic_group,
        ),
        level=level,
        generator=generator,
        pairs=config.pairs,
        directions=config.directions,
    )
    return measure_metrics(IMAGE_METRICS, comparison)
