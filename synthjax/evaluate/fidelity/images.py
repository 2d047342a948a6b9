"""What is measured of the images themselves, without an encoder."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from synthjax.evaluate.fidelity.compare import Groups, Images, Trio
from synthjax.evaluate.fidelity.config import FidelityConfig
from synthjax.evaluate.fidelity.features import ImageSet
from synthjax.evaluate.fidelity.metric import metric
from synthjax.metrics.diversity import draw_pairs, mean_similarity, similarity_of_pairs
from synthjax.metrics.sliced_wasserstein import draw_directions, sliced_wasserstein
from synthjax.statistics.interval import Interval

SMALLEST = 32  # side, pixels, from which structural similarity has two scales


def image_metrics(
    config: FidelityConfig,
    level: float,
    thumbnails: Sequence[Float[np.ndarray, "n d"]],
    images: Images,
    trio: Trio,
    groups: Groups,
    generator: np.random.Generator,
) -> list[dict[str, Any]]:
    """Similarity of pairs of one set, and the sliced Wasserstein distance of two.

    Args:
        config: the section config.evaluate.fidelity.
        level: coverage of the intervals.
        thumbnails: of all real test, synthetic and real training images, -1 to 1.
        images: those three sets.
        trio: which of them are compared.
        groups: of all images of the three sets.
        generator: of the pairs and the directions.
    """
    real, synthetic, other = (
        (thumbnails[at][rows], groups[at][rows])
        for at, rows in ((0, trio.real), (1, trio.synthetic), (0, trio.other))
    )
    axes = draw_directions(real[0].shape[1], config.directions, generator)
    distance = [
        sliced_wasserstein(real[0], part[0], real[1], part[1], axes, level)
        for part in (synthetic, other)
    ]
    count = {"n_real": len(trio.real), "n_synthetic": len(trio.synthetic)}
    found = [{**metric("sliced_wasserstein", distance, "low"), **count}]
    side = images[0].pixels([0]).shape[1]
    if side < SMALLEST:
        reason = f"images of {side} px; at least {SMALLEST} are needed"
        return [*found, {"name": "ms_ssim", "reason": reason}]
    similar, pairs = [], []
    for at in (1, 0):
        patient = images[0].patient if at == 0 else np.arange(len(images[1]))
        value, number = _similarity(
            config, level, images[at], patient, groups[at], generator
        )
        similar.append(value)
        pairs.append(number)
    entry = metric("ms_ssim", similar, "low")
    return [*found, {**entry, "pairs_synthetic": pairs[0], "pairs_real": pairs[1]}]


def _similarity(
    config: FidelityConfig,
    level: float,
    images: ImageSet,
    patient: np.ndarray,
    group: np.ndarray,
    generator: np.random.Generator,
) -> tuple[Interval, int]:
    """Mean similarity of random pairs of one set, and of how many."""
    pairs = draw_pairs(patient, group, config.pairs, generator)
    value = [
        similarity_of_pairs(images.pixels(some[:, 0]), images.pixels(some[:, 1]))
        for some in np.array_split(pairs, -(-len(pairs) // 256) or 1)
    ]
    return mean_similarity(np.concatenate(value), group[pairs[:, 0]], level), len(pairs)
