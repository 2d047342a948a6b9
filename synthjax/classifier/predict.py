"""Logits and features of whole splits, exactly, and the file they are kept in."""

import io
from collections.abc import Callable
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
from synthjax.core.files import read_json, write_atomic
from synthjax.data.images.transforms import to_image
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
    """Writes id, patient_id, label (NaN unknown) and logit of a split, atomically."""
    buffer = io.BytesIO()
    np.savez(
        buffer,
        id=np.asarray(table.id, np.str_),
        patient_id=np.asarray(table.patient_id, np.str_),
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
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in ("id", "patient_id", "label", "logit")}
    except FileNotFoundError:
        raise StudyError(f"{path} is missing: run the classifier stage first") from None
    except (OSError, ValueError, KeyError) as error:
        raise StudyError(
            f"{path} cannot be read ({error}): delete its folder and run the classifier "
            "stage again"
        ) from error


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
    saved = read_json(path)
    labels = tuple(saved["labels"])
    network = make_network(
        freeze(ClassifierConfig, saved["config"], "classifier", saved=True),
        n_labels=len(labels),
        resolution=saved["resolution"],
        channels=saved["channels"],
    )
    checkpoints = Checkpoints(directory / "checkpoints")
    try:
        latest = checkpoints.latest()
        if latest is None:
            raise StudyError(f"{directory / 'checkpoints'} holds no checkpoint")
        like = jax.eval_shape(network.init, jax.random.key(0))
        variables = checkpoints.restore_ema(latest, like)
    finally:
        checkpoints.close()
    return network, variables, labels
