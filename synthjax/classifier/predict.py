"""Logits and features of whole splits, exactly, and the file they are kept in."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Array, Float, UInt

from synthjax.classifier.config import ClassifierConfig
from synthjax.classifier.networks.api import Network, Variables, make_network
from synthjax.core.checkpoint import Checkpoints
from synthjax.core.config import freeze
from synthjax.core.devices import Devices, Step
from synthjax.core.errors import StudyError
from synthjax.core.files import read_arrays, read_json, write_atomic
from synthjax.data.images.transforms import to_image
from synthjax.data.numbering import numbered
from synthjax.data.store.loader import Table, padded_batches

PREDICTIONS = "predictions.npz"  # of the real test split; written last
PREDICTIONS_VALID = "predictions_valid.npz"  # of the real validation split
PREDICTIONS_SYNTHETIC = "predictions_synthetic.npz"  # of the synthetic test split


def make_predict(
    function: Callable[[Variables, Float[Array, "b h w c"]], Float[Array, "b d"]],
    devices: Devices,
) -> Step:
    """Maps `network.logits` or `network.features` over batches of 8-bit images."""

    def predict_batch(
        variables: Variables, pixels: UInt[Array, "b h w c"]
    ) -> Float[Array, "b d"]:
        return function(variables, to_image(pixels))

    return devices.map_step(
        predict_batch, in_axes=(None, 0), donate_state=False, sharded_outputs=True
    )


def whole_batch(batch_size: int, devices: Devices) -> int:
    """Returns the batch size, rounded up to a multiple of the devices."""
    return -(-batch_size // devices.count) * devices.count


def predict(
    step: Step,
    variables: Variables,
    pixels: UInt[np.ndarray, "n h w c"],
    *,
    batch_size: int,
    devices: Devices,
) -> Float[np.ndarray, "n d"]:
    """Runs a step of `make_predict` on all images; padding is cut off again.

    Args:
      step: what `make_predict` returned.
      variables: of the network, replicated.
      pixels: the images, all of them on every process.
      batch_size: images in a batch, over all devices.
      devices: where the step runs.
    """
    batch_size = whole_batch(batch_size, devices)
    local = batch_size // devices.process_count
    mine = slice(devices.process_index * local, (devices.process_index + 1) * local)
    parts = []
    for index, mask in padded_batches(len(pixels), batch_size):
        output = step(variables, devices.shard(pixels[index[mine]]))
        parts.append(devices.gather(output)[mask])
    return np.concatenate(parts).astype(np.float32)


def write_predictions(
    path: Path, table: Table, logit: Float[np.ndarray, "n y"]
) -> None:
    """Writes id, patient_id, label (NaN unknown) and logit of a split, atomically.

    Patients are numbered: their pseudonyms stay in the set.
    """
    buffer = io.BytesIO()
    np.savez(
        buffer,
        id=np.asarray(table.id, np.str_),
        patient_id=numbered(table.patient_id).astype(np.str_),
        label=np.asarray(table.label, np.float32),
        logit=np.asarray(logit, np.float32),
    )
    write_atomic(path, buffer.getvalue())


def read_predictions(path: Path) -> dict[str, np.ndarray]:
    """Reads what `write_predictions` wrote.

    Raises:
      StudyError: the file is missing, damaged or has other contents.
    """
    try:
        return read_arrays(
            path, _check_predictions, remedy="run the classifier stage again"
        )
    except FileNotFoundError:
        raise StudyError(f"{path} is missing: run the classifier stage first") from None


def _check_predictions(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the arrays of predictions; raises ValueError if they do not fit."""
    found = {name: arrays[name] for name in ("id", "patient_id", "label", "logit")}
    for name, array in found.items():
        kind, ndim = ("U", 1) if name in ("id", "patient_id") else ("f", 2)
        if array.dtype.kind != kind or array.ndim != ndim:
            raise ValueError(f"{name} is {array.dtype} of {array.ndim} dimensions")
    if len({len(array) for array in found.values()}) > 1:
        raise ValueError("its arrays are of different lengths")
    # Earlier releases wrote the patients' pseudonyms.
    return found | {"patient_id": numbered(found["patient_id"]).astype(np.str_)}


def load_classifier(directory: Path) -> tuple[Network, Variables, tuple[str, ...]]:
    """Reads a seed's folder: its network, its best variables and its label names.

    Raises:
      StudyError: there is no trained classifier in the folder.
    """
    path = directory / "config.json"
    if not path.exists() or not (directory / "checkpoints").is_dir():
        raise StudyError(
            f"{directory} holds no trained classifier: run the classifier stage first"
        )
    saved = read_json(
        path,
        keys=("config", "labels", "resolution", "channels"),
        remedy="run the classifier stage again",
    )
    labels = tuple(saved["labels"])
    network = make_network(
        freeze(ClassifierConfig, saved["config"], "classifier", saved=True),
        n_labels=len(labels),
        resolution=saved["resolution"],
        channels=saved["channels"],
    )
    checkpoints = Checkpoints(directory / "checkpoints")
    try:
        like = jax.eval_shape(network.init, jax.random.key(0))
        found = checkpoints.read_newest(
            lambda step: checkpoints.restore_ema(step, like)
        )
    finally:
        checkpoints.close()
    if found is None:
        raise StudyError(f"{directory / 'checkpoints'} holds no checkpoint")
    return network, found[1], labels
