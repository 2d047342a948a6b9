"""One training step of a classifier, and the steps that all arms and seeds share.

`update` is written for one of several devices: its loss and gradient are sums over all
of them. Read `make_update` first; what it takes is above it, how it is compiled below.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import struct
from flax.traverse_util import flatten_dict, unflatten_dict
from jaxtyping import Array, Float, Int, Key, UInt

from synthjax.classifier.augment import flip_images, mix_pairs
from synthjax.classifier.config import ClassifierConfig
from synthjax.classifier.losses import masked_loss
from synthjax.classifier.networks.api import Network, Variables, make_network
from synthjax.classifier.networks.pretrained import read_pretrained
from synthjax.classifier.predict import make_predict, predict, whole_batch
from synthjax.core import rng
from synthjax.core.compile import compile_ahead
from synthjax.core.devices import AXIS, Devices, Step, sum_over_devices
from synthjax.core.errors import ConfigError
from synthjax.data.images.transforms import to_image
from synthjax.data.schema import Schema


@struct.dataclass
class State:
    """Everything that training changes: arrays of a device or the host, or shapes."""

    params: Any
    statistics: Any  # running means and variances of batch norm; {} without
    optimizer: Any
    step: Int[Any, ""]  # updates made
    loss_sum: Float[Any, ""]  # losses summed since the last validation

    @property
    def variables(self) -> Variables:
        """What the network takes."""
        return _variables(self.params, self.statistics)


def _variables(params: Any, statistics: Any) -> Variables:
    return {"params": params} | ({"batch_stats": statistics} if statistics else {})


@struct.dataclass
class Terms:
    """What an update takes beside images: arguments, so that nothing is compiled in.

    So all arms, seeds and schedules share one compiled step.
    """

    rate: Float[Any, ""]  # learning rate
    positive_weight: Float[Any, " y"]  # of the loss of a positive


def make_terms(rate: float, positive_weight: Float[np.ndarray, " y"]) -> Terms:
    """Returns the terms of an update as host arrays, which are small."""
    return Terms(np.asarray(rate, np.float32), positive_weight)


# One update of one device: (state, its part of the batch, key, terms) -> state.
Update = Callable[[State, dict[str, Array], Key[Array, ""], Terms], State]


def make_update(network: Network, config: ClassifierConfig) -> Update:
    """Returns the step `update(state, batch, key, terms)`.

    The batch has `pixels` "b h w c" of 8 or 16 bits and `label` "b y" (0, 1, NaN where
    unknown). The loss is the mean over the known labels of the global batch, so it does
    not depend on how the batch is spread over devices.
    """
    optimizer = make_optimizer(config)

    def update(
        state: State, batch: dict[str, Array], key: Key[Array, ""], terms: Terms
    ) -> State:
        image, label = to_image(batch["pixels"]), batch["label"]
        first = jax.lax.axis_index(AXIS) * image.shape[0]
        if config.flip:
            image = flip_images(image, rng.key(key, "flip", state.step), first)
        if config.mixup:
            draw = rng.key(key, "mixup", state.step)
            image, label = mix_pairs(image, label, draw, first, alpha=config.mixup)
        known = jax.lax.psum(jnp.sum(~jnp.isnan(label)), AXIS)

        def part_of_loss(params: Any) -> tuple[Float[Array, ""], Any]:
            variables = _variables(params, state.statistics)
            logit, statistics = network.train_logits(variables, image)
            total = masked_loss(
                config.loss,
                logit,
                label,
                terms.positive_weight,
                gamma=config.focal_gamma,
                smoothing=config.label_smoothing,
            )
            return total / jnp.maximum(known, 1), statistics

        (loss, statistics), gradient = jax.value_and_grad(part_of_loss, has_aux=True)(
            state.params
        )
        loss, gradient = sum_over_devices((loss, gradient))
        change, optimizer_state = optimizer.update(
            gradient, state.optimizer, state.params
        )
        change = jax.tree.map(lambda leaf: -terms.rate * leaf, change)
        return State(
            params=optax.apply_updates(state.params, change),
            statistics=statistics,
            optimizer=optimizer_state,
            step=state.step + 1,
            loss_sum=state.loss_sum + loss,
        )

    return update


def make_optimizer(config: ClassifierConfig) -> optax.GradientTransformation:
    """Returns AdamW up to the learning rate; biases and norm scales do not decay."""
    parts = [
        optax.scale_by_adam(eps=config.adam_epsilon),
        optax.add_decayed_weights(
            config.weight_decay,
            mask=lambda params: jax.tree.map(lambda leaf: leaf.ndim > 1, params),
        ),
    ]
    if config.gradient_norm:
        parts.insert(0, optax.clip_by_global_norm(config.gradient_norm))
    return optax.chain(*parts)


def make_init(
    network: Network, config: ClassifierConfig
) -> Callable[[Key[Array, ""]], State]:
    """Returns the function `init(key)` that draws the state before the first update.

    What config.classifier.pretrained holds is the same in every draw.

    Raises:
      StudyError: the weights cannot be read or are of another network.
    """
    path = config.pretrained
    loaded = read_pretrained(Path(path), network) if path else {}

    def init(
        key: Key[Array, ""], loaded: dict[tuple[str, ...], Array | np.ndarray]
    ) -> State:
        drawn = flatten_dict(network.init(key))
        variables = unflatten_dict(drawn | loaded)
        params = variables["params"]
        return State(
            params=params,
            statistics=variables.get("batch_stats", {}),
            optimizer=make_optimizer(config).init(params),
            step=jnp.zeros((), jnp.int32),
            loss_sum=jnp.zeros((), jnp.float32),
        )

    # Run once a seed: optimised code would take seconds longer to compile than to run.
    jitted = jax.jit(init, compiler_options={"xla_backend_optimization_level": 0})
    return lambda key: jitted(key, loaded)


def check_batch(config: ClassifierConfig, devices: Devices) -> None:
    """Raises StudyError unless a batch splits over the devices, in pairs for mixup."""
    devices.check_batch(config.batch_size, "classifier.batch_size")
    if config.mixup and config.batch_size // devices.count % 2:
        raise ConfigError(
            f"config.classifier.batch_size={config.batch_size}: mixup takes pairs, and "
            f"{devices.count} devices have {config.batch_size // devices.count} images "
            "each; choose a batch that gives each an even number"
        )


@runtime_checkable
class Logits(Protocol):
    """Runs the network on images that every process holds, padding cut off."""

    def __call__(
        self, variables: Variables, pixels: UInt[np.ndarray, "n h w c"], /
    ) -> Float[np.ndarray, "n y"]: ...


@dataclass(frozen=True)
class Steps:
    """What all arms and seeds share, compiled once."""

    init: Callable[[Key[Array, ""]], State]  # draws a state
    update: Step  # an Update over all devices
    predict: Step  # (variables, pixels) -> logits, over all devices
    logits: Logits  # of any number of images


def make_steps(config: ClassifierConfig, schema: Schema, devices: Devices) -> Steps:
    """Builds the network for images of `schema`, and compiles its two steps.

    Raises:
      StudyError: the images are too small for the network, or its weights cannot be
        read.
    """
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

    def blank(batch_size: int) -> dict[str, np.ndarray]:
        local = batch_size // devices.process_count
        return {
            "pixels": np.zeros((local, *schema.image_shape), schema.dtype),
            "label": np.zeros((local, len(schema.labels)), np.float32),
        }

    key = rng.key(0, "shapes")
    state = devices.replicate(init(key))
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

    def logits(
        variables: Variables, pixels: UInt[np.ndarray, "n h w c"], /
    ) -> Float[np.ndarray, "n y"]:
        return predict(
            predict_step,
            variables,
            pixels,
            batch_size=config.eval_batch,
            devices=devices,
        )

    return Steps(init, update, predict_step, logits)
