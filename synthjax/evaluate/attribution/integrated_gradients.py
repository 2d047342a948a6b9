"""Integrated gradients: how much each pixel adds to the logit of a finding.

Sundararajan, Taly and Yan 2017 (arXiv:1703.01365), equation 1: the gradient of the logit
on the straight line from a baseline to the image, integrated, times the difference
between the two. The attributions of all pixels sum to the logit of the image less that
of the baseline (completeness, proposition 1), but for the error of the quadrature.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int32, UInt

from synthjax.core.devices import Devices, Step
from synthjax.data.images.transforms import to_image
from synthjax.data.store.loader import padded_batches


def make_integrate(
    logits: Callable[[Any, Float[Array, "b h w c"]], Float[Array, "b y"]],
    devices: Devices,
    *,
    fill: Float[np.ndarray, " c"],
) -> Step:
    """Make the step `(params, total, pixels, finding, node) -> (total, logit)`.

    It adds one node of the quadrature to the maps [b h w], and gives
    the logits there [b]. The
    node is its place on the way from the baseline (0) to the image (1) and its weight.
    A loop within the step would be shorter, but a CPU takes five times as long for the
    gradient of a convolution in it.

    Args:
        logits: of a network, for images in -1..1.
        fill: the baseline, the same in every pixel, in -1..1.
    """
    baseline = fill.astype(np.float32)

    def add_node(
        params: Any,
        total: Float[Array, "b h w"],
        pixels: UInt[Array, "b h w c"],
        finding: Int32[Array, " b"],
        node: Float[Array, " 2"],
    ) -> tuple[Float[Array, "b h w"], Float[Array, " b"]]:
        difference = to_image(pixels) - baseline

        def logit(
            image: Float[Array, "b h w c"],
        ) -> tuple[Float[Array, ""], Float[Array, " b"]]:
            chosen = logits(params, image).astype(jnp.float32)
            chosen = jnp.take_along_axis(chosen, finding[:, None], axis=1)[:, 0]
            return jnp.sum(chosen), chosen

        # Images do not meet in the network: the gradient of the sum is that of each.
        gradient, chosen = jax.grad(logit, has_aux=True)(
            node[0] * difference + baseline
        )
        return total + node[1] * jnp.sum(gradient * difference, axis=-1), chosen

    return devices.map_step(
        add_node,
        in_axes=(None, 0, 0, 0, None),
        donate_state=False,
        sharded_outputs=True,
    )


def integrated_gradients(
    step: Step,
    params: Any,
    pixels: UInt[np.ndarray, "n h w c"],
    finding: Int32[np.ndarray, " n"],
    *,
    nodes: int,
    batch_size: int,
    devices: Devices,
) -> tuple[Float[np.ndarray, "n h w"], Float[np.ndarray, " n"]]:
    """Integrate by Gauss and Legendre's quadrature; return what maps should sum to too.

    Args:
        step: of `make_integrate`.
        params: replicated parameters.
        pixels: the images, all of them on every process.
        finding: number of the label whose logit is attributed, of each image.
        nodes: points of the path.
        batch_size: images of a batch; a multiple of the devices.
        devices: where the step runs.

    Returns:
        Attributions summed over the channels, and the logit of each image less that of
        the baseline; float32.
    """
    place, weight = np.polynomial.legendre.leggauss(nodes)
    path = np.stack([(place + 1) / 2, weight / 2], axis=1)
    # The two ends have no weight; they tell the logits there.
    ends = np.array([[0, 0], [1, 0]])
    points = [devices.replicate(p) for p in np.concatenate([ends, path]).astype("f4")]
    local = batch_size // devices.process_count
    mine = slice(devices.process_index * local, (devices.process_index + 1) * local)
    maps, differences = [], []
    for index, mask in padded_batches(len(pixels), batch_size):
        rows = index[mine]
        batch = devices.shard((pixels[rows], finding[rows].astype(np.int32)))
        total = devices.shard(np.zeros((local, *pixels.shape[1:3]), np.float32))
        logits = []
        for point in points:
            total, logit = step(params, total, *batch, point)
            logits.append(logit)
        low, high = (devices.gather(logit)[mask] for logit in logits[:2])
        maps.append(devices.gather(total)[mask])
        differences.append(high - low)
    return np.concatenate(maps), np.concatenate(differences)
