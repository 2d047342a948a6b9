"""Named random streams: a key is a function of (root, name, indices), never stored.

Adding a stream never changes another one, and a resumed run draws the same numbers
because the indices (a step, an image number) are all the state there is.
"""

import zlib

import jax
import numpy as np
from jaxtyping import Array, Int, Key


def key(
    root: int | Key[Array, ""], name: str, *indices: int | Int[Array, ""]
) -> Key[Array, ""]:
    """Returns the key of stream `name` under `root` at `indices`.

    Args:
      root: a seed, or a key to derive from.
      name: the stream, such as "latents"; distinct names give independent streams.
      *indices: non-negative integers folded in one after the other, in order.
    """
    derived = jax.random.key(root) if isinstance(root, int) else root
    derived = jax.random.fold_in(derived, zlib.crc32(name.encode()))
    for index in indices:
        derived = jax.random.fold_in(derived, index)
    return derived


def host_generator(seed: int, name: str, *indices: int) -> np.random.Generator:
    """Returns NumPy's generator of the stream `name`, for draws on the host.

    It is the way to random numbers on the host, so that no two measures share a stream
    by accident, and needs no compiling. Splits and cohorts alone have generators of
    their own, which no release may change.

    Args:
      seed: of the study.
      name: the stream, as for `key`.
      *indices: as for `key`.
    """
    return np.random.default_rng(
        np.asarray(jax.random.key_data(key(seed, name, *indices)))
    )
