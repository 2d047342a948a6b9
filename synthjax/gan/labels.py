"""Labels inside an update: how networks read them and which ones are requested."""

from typing import no_type_check

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from synthjax.core import rng
from synthjax.gan.networks.api import AnyArray


@no_type_check  # jax also makes samplers of what it knows of arguments
class LabelSampler(flax.struct.PyTreeNode):
    """The labels of the training images, to draw synthetic images' labels from."""

    label: Float[Array | np.ndarray, "n y"]  # 0, 1 or NaN (unknown)
    # Of the chance of each image's labels when balanced; ends at 1.
    cumulative: Float[Array | np.ndarray, " n"]


def label_code(label: Float[AnyArray, "b y"]) -> Float[Array, "b y"]:
    """Codes labels: +1 present, -1 absent, 0 unknown (NaN).

    Of unit mean square when all is known.
    """
    return jnp.where(jnp.isnan(label), 0.0, 2.0 * label - 1.0).astype(jnp.float32)


def make_label_sampler(label: Float[np.ndarray, "n y"]) -> LabelSampler:
    """Makes a sampler on the host, ready to be replicated.

    Balanced by finding, each finding that any image has is as likely as any other, and
    each image that has it as likely as any other of them; without a single positive all
    images are equally likely.

    Args:
      label: of the training images: 0, 1 or NaN (unknown).
    """
    positive = np.nan_to_num(np.asarray(label, np.float64)) > 0
    counts = positive.sum(axis=0)
    found = counts > 0
    if found.any():
        chance = (positive[:, found] / counts[found]).sum(axis=1) / found.sum()
    else:
        chance = np.full(len(label), 1 / max(len(label), 1))
    cumulative = np.minimum(np.cumsum(chance), 1.0)
    return LabelSampler(
        label=np.asarray(label, np.float32),
        cumulative=cumulative.astype(np.float32),
    )


def draw_labels(
    keys: Key[Array, " b"], sampler: LabelSampler, balanced: float = 0.0
) -> Float[Array, "b y"]:
    """Draws for each key the labels of a training image, together as they are there.

    Args:
      keys: one per synthetic image.
      sampler: what to draw from.
      balanced: share of images whose labels are drawn balanced by finding, the others'
        being uniform over the training images.
    """
    count = sampler.label.shape[0]

    def draw(key: Key[Array, ""]) -> Array:
        uniform = jax.random.randint(rng.key(key, "label"), (), 0, count)
        if not balanced:
            return uniform
        coin, place = jax.random.uniform(rng.key(key, "balanced label"), (2,))
        rare = jnp.searchsorted(sampler.cumulative, place, side="right")
        rare = jnp.minimum(rare, count - 1).astype(uniform.dtype)
        return jnp.where(coin < balanced, rare, uniform)

    return sampler.label[jax.vmap(draw)(keys)]
