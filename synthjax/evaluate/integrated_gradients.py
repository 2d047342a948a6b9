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
from synthjax.data.loader import padded_batches
from synthjax.data.transforms import to_image


def make_integrate(
    logits: Callable[[Any, Float[Array, "b h w c"]], Float[Array, "b y"]],
    devices: Devices,
    *,
    nodes: int,
    fill: Float[np.ndarray, " c"],
) -> Step:
    """The step `(params, pixels [b], finding [b]) -> (map [b h w], difference [b])`.

    The integral is Gauss and Legendre's with `nodes` points, one after the other on the
    device, so that memory is that of one gradient. The map is summed over the channels;
    the difference is the logit of the image less that of the baseline.

    Args:
        logits: of a network, for images in -1..1.
        nodes: points of the path.
        fill: the baseline, the same in every pixel, in -1..1.
    """
    place, weight = np.polynomial.legendre.leggauss(nodes)
    path = np.stack([place + 1, weight], axis=1).astype(np.float32) / 2
    baseline = fill.astype(np.float32)

    def integrate(
        params: Any, pixels: UInt[Array, "b h w c"], finding: Int32[Array, " b"]
    ) -> tuple[Float[Array, "b h w"], Float[Array, " b"]]:
        difference = to_image(pixels) - baseline

        def logit(image: Float[Array, "b h w c"]) -> Float[Array, " b"]:
            chosen = logits(params, image).astype(jnp.float32)
            return jnp.take_along_axis(chosen, finding[:, None], axis=1)[:, 0]

        def add(total: Array, node: Array) -> tuple[Array, None]:
            image = node[0] * difference + baseline
            gradient = jax.grad(lambda x: jnp.sum(logit(x)))(image)
            return total + node[1] * gradient, None

        total, _ = jax.lax.scan(add, jnp.zeros_like(difference), jnp.asarray(path))
        ends = logit(difference + baseline), logit(0 * difference + baseline)
        return jnp.sum(total * difference, axis=-1), ends[0] - ends[1]

    return devices.map_step(
        integrate, batch_args=2, donate_state=False, sharded_outputs=True
    )


def integrated_gradients(
    step: Step,
    params: Any,
    pixels: UInt[np.ndarray, "n h w c"],
    finding: Int32[np.ndarray, " n"],
    *,
    batch_size: int,
    devices: Devices,
) -> tuple[Float[np.ndarray, "n h w"], Float[np.ndarray, " n"]]:
    """What the step of `make_integrate` gives for every image and its finding.

    Args:
        step: of `make_integrate`.
        params: replicated parameters.
        pixels: the images, all of them on every process.
        finding: number of the label whose logit is attributed, of each image.
        batch_size: images of a batch; a multiple of the devices.
        devices: where the step runs.
    """
    local = batch_size // devices.process_count
    mine = slice(devices.process_index * local, (devices.process_index + 1) * local)
    maps, differences = [], []
    for index, mask in padded_batches(len(pixels), batch_size):
        rows = index[mine]
        batch = devices.shard((pixels[rows], finding[rows].astype(np.int32)))
        found, difference = devices.gather(step(params, *batch))
        maps.append(found[mask])
        differences.append(difference[mask])
    return np.concatenate(maps), np.concatenate(differences)
