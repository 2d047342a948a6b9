"""Maps of several classifiers for the same images, by occlusion and by gradients."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, UInt

from synthjax.classifier.networks.api import Network
from synthjax.classifier.predict import whole_batch
from synthjax.core.devices import Devices
from synthjax.data.dataset import Dataset
from synthjax.data.store.loader import Table
from synthjax.evaluate.attribution.choice import Chosen
from synthjax.evaluate.attribution.config import AttributionConfig
from synthjax.evaluate.attribution.integrated_gradients import (
    integrated_gradients,
    make_integrate,
)
from synthjax.evaluate.attribution.occlusion import (
    cross_entropy_rise,
    make_occlude,
    occluded_logits,
    patch_sums,
)

# Mean of ImageNet, white is 1: what the paper covers patches with (0 after its
# normalisation). Grey images are covered with the mean of the three.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
GRADIENT_BATCH = 64  # images in a batch of integrated gradients

Maps = dict[str, Float[np.ndarray, "n q"]]  # of each classifier, by patch


@dataclasses.dataclass(frozen=True)
class Explained:
    """Classifiers of one architecture, and the images on which they are explained."""

    network: Network
    params: Mapping[str, Any]  # replicated, of each classifier
    test: Table
    chosen: Chosen
    fill: Float[np.ndarray, " c"]  # covers a patch, and is the baseline; -1 to 1

    @property
    def pixels(self) -> UInt[np.ndarray, "n h w c"]:
        """Return the image of each row of `chosen`."""
        return self.test.pixels[self.chosen.row]


def fill_colour(fill: str, real: Dataset) -> Float[np.ndarray, " c"]:
    """Return what covers a patch, -1 to 1.

    Args:
        fill: a name of `FILLS`.
        real: the real set, of which "train" takes the mean of the training images.
    """
    if fill == "train":
        pixels = real.table("train").pixels
        mean = (
            pixels.mean(axis=(0, 1, 2), dtype=np.float64) / np.iinfo(pixels.dtype).max
        )
    else:
        mean = np.array(IMAGENET_MEAN)
        mean = mean if real.schema.channels == 3 else mean.mean(keepdims=True)
    return (2 * mean - 1).astype(np.float32)


def occlusion_maps(
    config: AttributionConfig, explained: Explained, devices: Devices
) -> Maps:
    """Return for each classifier how the loss rises when a patch is covered."""
    network, chosen = explained.network, explained.chosen
    rows, place = chosen.unique()
    step = make_occlude(
        network.logits,
        devices,
        resolution=network.resolution,
        patches=config.patches,
        fill=explained.fill,
    )
    label = explained.test.label[chosen.row]
    weight = np.zeros(label.shape)
    if config.target == "finding":
        weight[np.arange(len(label)), chosen.finding] = 1.0
    else:
        known = ~np.isnan(label)
        weight[:] = known / known.sum(axis=1, keepdims=True)
    maps = {}
    for arm, params in explained.params.items():
        logit = occluded_logits(
            step,
            params,
            explained.test.pixels[rows],
            patches=config.patches,
            batch_size=whole_batch(config.batch_size, devices),
            devices=devices,
        )
        maps[arm] = cross_entropy_rise(logit[place], label, weight)
    return maps


def gradient_maps(
    config: AttributionConfig, explained: Explained, devices: Devices
) -> tuple[Maps, float]:
    """Return integrated gradients summed by patch, and how far they are from complete.

    The latter is the mean distance between the sum of a map and the difference of the
    logits, as a part of the mean size of that difference.
    """
    chosen = explained.chosen
    step = make_integrate(explained.network.logits, devices, fill=explained.fill)
    maps, error, size = {}, 0.0, 0.0
    for arm, params in explained.params.items():
        pixel, difference = integrated_gradients(
            step,
            params,
            explained.pixels,
            chosen.finding,
            nodes=config.nodes,
            batch_size=whole_batch(min(GRADIENT_BATCH, len(chosen.row)), devices),
            devices=devices,
        )
        maps[arm] = patch_sums(pixel.astype(np.float64), config.patches)
        error += float(np.abs(pixel.sum(axis=(1, 2)) - difference).sum())
        size += float(np.abs(difference).sum())
    return maps, error / size if size else 0.0
