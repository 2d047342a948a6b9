"""What both networks make of a fixed set of images, for the indicators."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from synthjax.core import rng
from synthjax.core.devices import Devices, Step
from synthjax.data.images.transforms import to_pixels
from synthjax.gan.generator import draw_latents, draw_noise, generate
from synthjax.gan.growth import networks_at, real_images
from synthjax.gan.losses import LABEL_LOSSES
from synthjax.gan.networks.api import Networks, Params
from synthjax.gan.schedule import Phase


def make_probe(
    networks: Networks,
    devices: Devices,
    seed: int,
    phase: Phase | None = None,
    label_loss: str = "binary",
) -> Step:
    """Returns the step `probe(params, batch)` that runs both networks, mapped.

    Args:
      networks: of the data set's resolution.
      devices: what to map over.
      seed: of the latents, a function of (seed, row) alone.
      phase: how far a growing network has grown; None is fully.
      label_loss: of the label head, if there is one: a name in LABEL_LOSSES.

    Returns:
      A step from `{"discriminator", "ema"}` and a batch of `row`, `label`, `other`,
      `train` and `valid_label`, `valid_other`, `valid` to one value per image, so that
      sums and counts are exact: logits `train`, `valid`, `synthetic`, preferences
      (0, 0.5 or 1) `preference_valid`, `preference_synthetic`, and uint8 `pixels`.
    """

    def probe(params: dict[str, Any], batch: dict[str, Array]) -> dict[str, Array]:
        ema, label = params["ema"], batch["label"]
        keys = jax.vmap(lambda row: rng.key(seed, "indicators", row))(batch["row"])
        z, noise = draw_latents(networks, keys), draw_noise(networks, keys)
        psi = jnp.ones((), jnp.float32)
        full = generate(networks, ema, z, label, noise, psi, phase)
        grown = networks_at(networks, phase, ema["images"])
        synthetic, fade = full, None
        if phase is not None and networks.at_resolution is not None:
            fade = phase.fade(ema["images"]) if phase.fade_over else None
            # Enlarged by repeating pixels, of which the discriminator sees each once.
            times = networks.resolution // phase.resolution
            synthetic = full[:, ::times, ::times]
        train, valid = (
            real_images(batch[split], grown.resolution, fade)
            for split in ("train", "valid")
        )
        image = jnp.stack([train, valid, valid, synthetic, synthetic])
        labels = [label, batch["valid_label"], batch["valid_other"], label]
        # One after the other: as in training, a minibatch group is of one kind.
        logit, fit = lax.map(
            lambda pair: discriminate_with_label_fit(
                grown, params["discriminator"], pair[0], pair[1], label_loss
            ),
            (image, jnp.stack([*labels, batch["other"]])),
        )
        return {
            "train": logit[0],
            "valid": logit[1],
            "synthetic": logit[3],
            "preference_valid": label_preference(logit[1:3], fit[1:3]),
            "preference_synthetic": label_preference(logit[3:5], fit[3:5]),
            "pixels": to_pixels(full, 8),
        }

    return devices.map_step(
        probe, in_axes=(None, 0), donate_state=False, sharded_outputs=True
    )


def discriminate_with_label_fit(
    networks: Networks,
    params: Params,
    image: Float[Array, "b h w c"],
    label: Float[Array, "b y"],
    label_loss: str,
) -> tuple[Float[Array, " b"], Float[Array, " b"]]:
    """Returns logits, and how well the label head's fit the label: minus excess loss.

    The excess is over the least loss that any logits have for the label. It is 0
    without a head, NaN for a row without positives under a softmax, which says nothing.
    """
    if networks.discriminate_with_labels is None or not networks.labels:
        logit = networks.discriminate(params, image, label)
        return logit, jnp.zeros_like(logit)
    logit, head = networks.discriminate_with_labels(params, image, label)
    assert head is not None  # there are labels
    fit = -LABEL_LOSSES[label_loss](head, label)
    if label_loss == "softmax":
        count = jnp.sum(jnp.nan_to_num(label), axis=1)
        fit = jnp.where(count > 0, fit + jnp.log(count), jnp.nan)
    return logit, fit


def label_preference(
    logit: Float[Array, "2 b"], fit: Float[Array, "2 b"]
) -> Float[Array, " b"]:
    """Returns 1 where the first of two labels is preferred, 0 where the second is.

    0.5 where neither is.

    A label head decides: it learns what real images of a label look like, while the
    logit of a synthetic image with its own label is what training pushes down. Without
    a head, or where it says nothing, the logit does.
    """
    by_head = jnp.nan_to_num(fit[0] - fit[1])
    decided = jnp.where(by_head == 0, logit[0] - logit[1], by_head)
    return (jnp.sign(decided) + 1) / 2
