"""Label rows inside an update: how networks read them and which ones are asked for."""

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from synthjax.core import rng


class LabelSampler(flax.struct.PyTreeNode):
    """The label rows of the training split, to draw synthetic images' labels from."""

    label: Float[Array | np.ndarray, "n y"]  # 0, 1 or NaN (unknown)
    cumulative: Float[
        Array | np.ndarray, " n"
    ]  # of the chance of each row when balanced; ends at 1


def label_code(label: Float[Array, "b y"]) -> Float[Array, "b y"]:
    """+1 present, -1 absent, 0 unknown (NaN); unit mean square when all is known."""
    return jnp.where(jnp.isnan(label), 0.0, 2.0 * label - 1.0).astype(jnp.float32)


def make_label_sampler(label: Float[np.ndarray, "n y"]) -> LabelSampler:
    """LabelSampler on the host, ready to be replicated.

    Balanced by finding, each finding that has a positive row is as likely as any other,
    and each of its positive rows as likely as any other of them; without a single
    positive all rows are equally likely.
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
    keys: Key[Array, " b"], rows: LabelSampler, balanced: float = 0.0
) -> Float[Array, "b y"]:
    """A random training row for each key: labels occur together as they do there.

    Args:
      keys: one per image.
      rows: what to draw from.
      balanced: share of images whose row is drawn balanced by finding, the others'
        being uniform over the rows.
    """
    count = rows.label.shape[0]

    def draw(key: Key[Array, ""]) -> Array:
        uniform = jax.random.randint(rng.key(key, "label"), (), 0, count)
        if not balanced:
            return uniform
        coin, place = jax.random.uniform(rng.key(key, "balanced label"), (2,))
        rare = jnp.searchsorted(rows.cumulative, place, side="right")
        rare = jnp.minimum(rare, count - 1).astype(uniform.dtype)
        return jnp.where(coin < balanced, rare, uniform)

    return rows.label[jax.vmap(draw)(keys)]
