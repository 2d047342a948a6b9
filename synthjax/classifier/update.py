"""One training step of a classifier, written for one of several devices."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import struct
from flax.traverse_util import flatten_dict, unflatten_dict
from jaxtyping import Array, Bool, Float, Int, Key

from synthjax.classifier.config import ClassifierConfig
from synthjax.classifier.losses import masked_loss
from synthjax.classifier.mixup import mix_pairs
from synthjax.classifier.networks.api import Network
from synthjax.classifier.networks.pretrained import read_pretrained
from synthjax.core import rng
from synthjax.core.devices import AXIS, sum_over_devices
from synthjax.data.images.transforms import to_image


@struct.dataclass
class State:
    """Everything that training changes."""

    params: Any
    statistics: Any  # running means and variances of batch norm; {} without
    optimizer: Any
    step: Int[Array, ""]  # updates made
    loss_sum: Float[Array, ""]  # losses summed since the last line of metrics

    @property
    def variables(self) -> dict[str, Any]:
        """What the network takes."""
        return join(self.params, self.statistics)


def join(params: Any, statistics: Any) -> dict[str, Any]:
    """Parameters and running statistics as the variables of a network."""
    return {"params": params} | ({"batch_stats": statistics} if statistics else {})


@struct.dataclass
class Terms:
    """What an update is told beside its images: an argument, not compiled in.

    So all arms, seeds and schedules share one compiled step.
    """

    rate: Float[Array | np.ndarray, ""]  # learning rate
    positive_weight: Float[Array | np.ndarray, " y"]  # of the loss of a positive


def make_optimizer(config: ClassifierConfig) -> optax.GradientTransformation:
    """AdamW up to the learning rate; biases and norm scales do not decay."""
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
    """The function `init(key)` that draws the state before the first step; jitted.

    What config.classifier.pretrained holds is the same in every draw.

    Raises:
      StudyError: the weights cannot be read or are of another network.
    """
    path = config.pretrained
    loaded = read_pretrained(Path(path), network) if path else {}

    def init(key: Key[Array, ""], loaded: dict[tuple[str, ...], Array]) -> State:
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


def flip_images(
    image: Float[Array, "b h w c"], key: Key[Array, ""], first: Int[Array, ""]
) -> Float[Array, "b h w c"]:
    """Mirrors half the images; image i of the global batch depends on (key, i) alone.

    Args:
      image: this device's part of the batch.
      key: the step's key.
      first: index in the global batch of this device's first image.
    """

    def draw(index: Int[Array, ""]) -> Bool[Array, ""]:
        return jax.random.bernoulli(jax.random.fold_in(key, index))

    mirror = jax.vmap(draw)(first + jnp.arange(image.shape[0]))
    return jnp.where(mirror[:, None, None, None], image[:, :, ::-1], image)


def make_update(
    network: Network, config: ClassifierConfig
) -> Callable[[State, dict[str, Array], Key[Array, ""], Terms], State]:
    """The step `update(state, batch, key, terms)`; batch has pixels and label.

    The loss is the mean over the known labels of the global batch, so it does not
    depend on how the batch is spread over devices.
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
            variables = join(params, state.statistics)
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
