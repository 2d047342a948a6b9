"""Occlusion: what a classifier loses when a patch of the image is covered.

The attribution of DuMont Schütte et al. 2021 (arXiv:2012.03769), after Zeiler and Fergus
2014: square patches that do not overlap, 56 across an image of 224 px, each in turn set
to the mean of ImageNet; a patch is worth the rise of the binary cross-entropy.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int32, UInt

from synthjax.core.devices import Devices, Step
from synthjax.core.errors import ConfigError
from synthjax.data.images.transforms import to_image
from synthjax.data.store.loader import padded_batches


def patch_of(resolution: int, patches: int) -> Int32[np.ndarray, " resolution"]:
    """Return for each pixel of a side the patch that holds it, as equal as can be.

    Raises:
        ConfigError: there are fewer pixels than patches.
    """
    if patches > resolution:
        raise ConfigError(
            f"config.evaluate.attribution.patches={patches}: must be at most "
            f"config.data.resolution={resolution}"
        )
    return (np.arange(resolution) * patches // resolution).astype(np.int32)


def make_occlude(
    logits: Callable[[Any, Float[Array, "b h w c"]], Float[Array, "b y"]],
    devices: Devices,
    *,
    resolution: int,
    patches: int,
    fill: Float[np.ndarray, " c"],
) -> Step:
    """Make the step `(params, row [b], patch [b], pixels) -> logits [b y]`.

    Item i of the batch is image `row[i]` of `pixels` with patch `patch[i]` (row-major)
    covered, or with none if that is -1. So images stay on the devices, and a batch holds
    any mixture of images and patches.

    Args:
        logits: of a network, for images in -1..1.
        fill: what covers a patch, in -1..1.
    """
    side = patch_of(resolution, patches)
    number = side[:, None] * np.int32(patches) + side[None, :]

    def occlude(
        params: Any,
        row: Int32[Array, " b"],
        patch: Int32[Array, " b"],
        pixels: UInt[Array, "n h w c"],
    ) -> Float[Array, "b y"]:
        image = to_image(pixels[row])
        covered = (number == patch[:, None, None])[..., None]
        return logits(params, jnp.where(covered, fill.astype(np.float32), image))

    return devices.map_step(
        occlude, in_axes=(None, 0, 0, None), donate_state=False, sharded_outputs=True
    )


def occluded_logits(
    step: Step,
    params: Any,
    pixels: UInt[np.ndarray, "n h w c"],
    *,
    patches: int,
    batch_size: int,
    devices: Devices,
) -> Float[np.ndarray, "n p y"]:
    """Return the logits of every image: as it is, then with each patch covered.

    Args:
        step: of `make_occlude`.
        params: replicated parameters.
        pixels: the images, all of them on every process.
        patches: across the image, as the step has them.
        batch_size: images of a batch; a multiple of the devices.
        devices: where the step runs.

    Returns:
        Float32, p = 1 + patches squared.
    """
    each = 1 + patches**2
    images = devices.replicate(pixels)
    local = batch_size // devices.process_count
    mine = slice(devices.process_index * local, (devices.process_index + 1) * local)
    parts = []
    for index, mask in padded_batches(len(pixels) * each, batch_size):
        cells = (index // each, index % each - 1)
        row, patch = (devices.shard(cell[mine].astype(np.int32)) for cell in cells)
        parts.append(devices.gather(step(params, row, patch, images))[mask])
    return np.concatenate(parts).reshape(len(pixels), each, -1)


def cross_entropy_rise(
    logit: Float[np.ndarray, "n p y"],
    label: Float[np.ndarray, "n y"],
    weight: Float[np.ndarray, "n y"],
) -> Float[np.ndarray, "n q"]:
    """Return by how much covering a patch raises the binary cross-entropy, float64.

    Negative where the image is judged better without the patch; the paper shows such a
    patch as 0.

    Args:
        logit: of `occluded_logits`.
        label: 0 or 1; NaN (unknown) counts nothing.
        weight: of each label's loss, summed over them.

    Returns:
        [n q], q the patches, row-major.
    """
    sign = np.where(label == 1, -1.0, 1.0)[:, None]
    loss = np.logaddexp(0.0, sign * logit.astype(np.float64))
    weight = np.where(np.isnan(label), 0.0, weight)
    total = np.einsum("npy,ny->np", loss, weight)
    return total[:, 1:] - total[:, :1]


def patch_sums(
    pixel: Float[np.ndarray, "n h w"], patches: int
) -> Float[np.ndarray, "n q"]:
    """Sum a map of pixels over the patches, row-major."""
    start = np.searchsorted(patch_of(pixel.shape[1], patches), np.arange(patches))
    rows = np.add.reduceat(pixel, start, axis=1)
    return np.add.reduceat(rows, start, axis=2).reshape(len(pixel), -1)


def patch_image(
    value: Float[np.ndarray, " q"], resolution: int
) -> Float[np.ndarray, "h w"]:
    """Spread each patch's value over all its pixels."""
    patches = round(len(value) ** 0.5)
    side = patch_of(resolution, patches)
    return value.reshape(patches, patches)[side[:, None], side[None, :]]
