"""What all arms and seeds share: the network and its steps, compiled once."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Array, Float, Key

from synthjax.classifier.config import ClassifierConfig
from synthjax.classifier.networks.api import Network, make_network
from synthjax.classifier.predict import make_predict, predict, whole_batch
from synthjax.classifier.update import State, Terms, make_init, make_update
from synthjax.core import rng
from synthjax.core.compile import compile_ahead
from synthjax.core.devices import Devices, Step
from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.schema import Schema
from synthjax.data.store.loader import Table, read_schema


@dataclasses.dataclass(frozen=True)
class Trainer:
    """The means of training, the same for every arm and seed."""

    config: ClassifierConfig
    seed: int  # of the study
    schema: Schema
    devices: Devices
    network: Network
    init: Callable[[Key[Array, ""]], State]  # draws a state
    update: Step
    predict: Step

    def logits(self, variables: Any, table: Table) -> Float[np.ndarray, "n y"]:
        """Logits of a whole split under replicated variables, by ascending id."""
        return predict(
            self.predict,
            variables,
            table.pixels,
            batch_size=self.config.eval_batch,
            devices=self.devices,
        )


def make_trainer(
    config: ClassifierConfig, seed: int, schema: Schema, devices: Devices
) -> Trainer:
    """Builds the network and compiles the two steps that all runs use."""
    if config.batch_size % devices.count:
        raise ConfigError(
            f"config.classifier.batch_size={config.batch_size} does not divide by "
            f"{devices.count} devices; choose a multiple"
        )
    if config.mixup and config.batch_size // devices.count % 2:
        raise ConfigError(
            f"config.classifier.batch_size={config.batch_size}: mixup takes pairs, and "
            f"{devices.count} devices have {config.batch_size // devices.count} images "
            "each; choose a batch that gives each an even number"
        )
    network = make_network(
        config,
        n_labels=len(schema.labels),
        resolution=schema.resolution,
        channels=schema.channels,
    )
    update = devices.map_step(
        make_update(network, config), in_axes=(None, 0, None, None)
    )
    predict_step = make_predict(network.logits, devices)
    init = make_init(network, config)
    key = rng.key(seed, "shapes")
    state = devices.replicate(init(key))

    def blank(batch_size: int) -> dict[str, np.ndarray]:
        local = batch_size // devices.process_count
        return {
            "pixels": np.zeros((local, *schema.image_shape), schema.dtype),
            "label": np.zeros((local, len(schema.labels)), np.float32),
        }

    batch = devices.shard(blank(config.batch_size))
    images = devices.shard(blank(whole_batch(config.eval_batch, devices))["pixels"])
    key = devices.replicate(key)
    terms = make_terms(0.0, np.ones(len(schema.labels), np.float32))
    compile_ahead(
        {
            "classifier update": lambda: update.compile_ahead(state, batch, key, terms),
            "prediction": lambda: predict_step.compile_ahead(state.variables, images),
        }
    )
    return Trainer(config, seed, schema, devices, network, init, update, predict_step)


def make_terms(rate: float, positive_weight: Float[np.ndarray, " y"]) -> Terms:
    """What the update takes beside images; host arrays, which are small."""
    return Terms(np.asarray(rate, np.float32), positive_weight)


def check_same_schema(data: Path, schema: Schema, other: Path) -> None:
    """Raises StudyError unless the set `other` has the labels and images of `data`."""
    found = read_schema(other)
    for name in ("labels", "resolution", "channels"):
        want, have = getattr(schema, name), getattr(found, name)
        if want != have:
            raise StudyError(
                f"{other} has {name} {have}, but {data} has {want}; both sets must "
                "be made alike: run the synth stage again, or give a matching folder"
            )
