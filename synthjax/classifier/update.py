"""One training step of a classifier, written for one of several devices."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from flax.traverse_util import flatten_dict, unflatten_dict
from jaxtyping import Array, Bool, Float, Int, Key

from synthjax.classifier.config import ClassifierConfig
from synthjax.classifier.network import Network
from synthjax.classifier.pretrained import read_pretrained
from synthjax.core import rng
from synthjax.core.devices import AXIS, sum_over_devices
from synthjax.data.transforms import to_image


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


def learning_rate(config: ClassifierConfig) -> optax.Schedule:
    """Linear rise to the peak, then half a cosine down to zero at the last step."""
    return optax.warmup_cosine_decay_schedule(
        init_value=0.0,
        peak_value=config.learning_rate,
        warmup_steps=round(config.warmup * config.steps),
        decay_steps=config.steps,
    )


def make_optimizer(config: ClassifierConfig) -> optax.GradientTransformation:
    """AdamW with clipped gradients; biases and norm scales do not decay."""
    return optax.chain(
        optax.clip_by_global_norm(config.gradient_norm),
        optax.adamw(
            learning_rate(config),
            weight_decay=config.weight_decay,
            mask=lambda params: jax.tree.map(lambda leaf: leaf.ndim > 1, params),
        ),
    )


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


def masked_loss(
    logit: Float[Array, "b y"], label: Float[Array, "b y"]
) -> Float[Array, ""]:
    """Binary cross-entropy summed over the known labels (not NaN) of the batch."""
    known = ~jnp.isnan(label)
    # An unknown label is replaced before the loss: NaN times zero is NaN.
    loss = optax.sigmoid_binary_cross_entropy(logit, jnp.where(known, label, 0.0))
    return jnp.sum(jnp.where(known, loss, 0.0))


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
) -> Callable[[State, dict[str, Array], Key[Array, ""]], State]:
    """The step `update(state, batch, key)`; batch has pixels and label.

    The loss is the mean over the known labels of the global batch, so it does not
    depend on how the batch is spread over devices.
    """
    optimizer = make_optimizer(config)

    def update(state: State, batch: dict[str, Array], key: Key[Array, ""]) -> State:
        image, label = to_image(batch["pixels"]), batch["label"]
        if config.flip:
            first = jax.lax.axis_index(AXIS) * image.shape[0]
            image = flip_images(image, rng.key(key, "flip", state.step), first)
        known = jax.lax.psum(jnp.sum(~jnp.isnan(label)), AXIS)

        def part_of_loss(params: Any) -> tuple[Float[Array, ""], Any]:
            variables = join(params, state.statistics)
            logit, statistics = network.train_logits(variables, image)
            return masked_loss(logit, label) / jnp.maximum(known, 1), statistics

        (loss, statistics), gradient = jax.value_and_grad(part_of_loss, has_aux=True)(
            state.params
        )
        loss, gradient = sum_over_devices((loss, gradient))
        change, optimizer_state = optimizer.update(
            gradient, state.optimizer, state.params
        )
        return State(
            params=optax.apply_updates(state.params, change),
            statistics=statistics,
            optimizer=optimizer_state,
            step=state.step + 1,
            loss_sum=state.loss_sum + loss,
        )

    return update
