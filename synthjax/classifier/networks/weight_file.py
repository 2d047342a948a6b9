"""Files of published weights: read whole or refused, never run.

A file is of a network if every tensor that the network has is in it, and every tensor in
it is one of the network's.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from synthjax.core.errors import StudyError
from synthjax.core.safetensors import read_safetensors

# PyTorch counts the batches that a running mean has seen; nothing depends on it.
_COUNTER = ".num_batches_tracked"


def read_torch(path: Path) -> dict[str, np.ndarray]:
    """Reads the tensors of a .safetensors file of a PyTorch network, by their names.

    Kernels are turned from PyTorch's order of axes (outputs first) to ours (outputs
    last). Counters of batches are dropped.

    Raises:
      StudyError: the file is not a whole safetensors file.
    """
    found: dict[str, np.ndarray] = {}
    counters = []
    for name, array in read_safetensors(path).items():
        if name.endswith(_COUNTER):
            counters.append(name.removesuffix(_COUNTER))
        else:
            order = {4: (2, 3, 1, 0), 2: (1, 0)}.get(array.ndim)
            found[name] = array if order is None else array.transpose(order)
    # A counter of a norm that is not there stays, to be named as left over.
    lost = [name for name in counters if f"{name}.running_var" not in found]
    return found | {name + _COUNTER: np.zeros(()) for name in lost}


def require_names(path: Path, network: str, have: set[str], want: set[str]) -> None:
    """Raises StudyError unless the file has what the network has, and no more.

    Args:
      path: for the message.
      network: what the file should be of, for the message.
      have: names in the file.
      want: names of the network's tensors.
    """
    missing, extra = sorted(want - have), sorted(have - want)
    if missing or extra:
        raise StudyError(
            f"{path} is not of {network}: it lacks {_list(missing)}; it has besides "
            f"{_list(extra)}"
        )


def require_shapes(
    path: Path,
    network: str,
    found: Mapping[str, np.ndarray],
    want: Mapping[str, tuple[int, ...]],
) -> None:
    """Raises StudyError if a tensor has another shape than the network's."""
    for name, array in found.items():
        if array.shape != want[name]:
            raise StudyError(
                f"{path} is not of {network}: {name} has shape {array.shape} where "
                f"{want[name]} is needed"
            )


def checksum(path: Path) -> str:
    """Returns the SHA-256 of a file, 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _list(names: list[str], shown: int = 6) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return (", ".join(names[:shown]) or "nothing") + more
