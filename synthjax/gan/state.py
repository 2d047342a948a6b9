"""The state of a GAN run: arrays only, so that it is what a checkpoint holds."""

from dataclasses import dataclass
from typing import Any, no_type_check

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int32, UInt32

from synthjax.core import rng
from synthjax.gan.config import ResolvedConfig
from synthjax.gan.networks.api import AnyArray, Networks
from synthjax.gan.schedule import path_interval, r1_interval
from synthjax.gan.truncation import Moments, zero_moments

Totals = dict[str, Float[AnyArray, "2"]]  # sum and count of each metric

# Means over a tick; each total is (sum, count), so a metric may miss some updates.
METRICS = (
    "loss_discriminator",
    "loss_generator",
    "logit_real",
    "logit_synthetic",
    "sign_shown",
    "gradient_norm_discriminator",
    "gradient_norm_generator",
    "r1",
    "r2",
    "gradient_penalty",
    "path_length",
    "label_loss_real",
    "augment_p",
)


@no_type_check  # jax also makes states of shapes, and of what it knows of arguments
class TrainState(flax.struct.PyTreeNode):
    """Everything an update reads and writes."""

    step: Int32[Array, ""]  # updates done
    images: UInt32[Array, ""]  # real images shown to the discriminator, below 2**32
    phase: Int32[Array, ""]  # of the schedule; the optimizers begin anew in each
    generator: Any  # parameters
    discriminator: Any  # parameters
    ema: Any  # averaged generator parameters: the generator to ship
    moments: Moments  # running means of styles and labels, for the truncation's centre
    path_mean: Float[Array, ""]  # running mean of the path lengths
    augment_p: Float[Array, ""]  # probability of each augmentation
    # Sum and count of sign(D(real)) since its last move.
    augment_sign: Float[Array, "2"]
    skipped: Int32[Array, ""]  # updates left out, their gradients not being finite
    generator_optimizer: Any  # Adam's moments
    discriminator_optimizer: Any  # Adam's moments
    totals: Totals  # since the last tick


@dataclass(frozen=True)
class Optimizers:
    """The pure functions that turn gradients into updates."""

    generator: optax.GradientTransformation
    discriminator: optax.GradientTransformation


def lazy_ratio(every: int) -> float:
    """Returns the factor on Adam's step size, and the power on its decays, when lazy.

    With a regularizing update after every k ordinary ones there are k + 1 updates
    where there was one pass of k, so each must move k / (k + 1) as far, and Adam's
    memory must span as many images (StyleGAN2, arXiv:1912.04958, appendix B).
    """
    return every / (every + 1) if every else 1.0


def make_optimizers(config: ResolvedConfig) -> Optimizers:
    """Makes Adam for both networks, each corrected for its lazy regularisation."""
    return Optimizers(
        generator=_adam(
            config, config.generator_learning_rate, lazy_ratio(path_interval(config))
        ),
        discriminator=_adam(
            config, config.discriminator_learning_rate, lazy_ratio(r1_interval(config))
        ),
    )


def _adam(
    config: ResolvedConfig, learning_rate: float, ratio: float
) -> optax.GradientTransformation:
    return optax.adam(
        learning_rate * ratio,
        b1=config.adam_beta1**ratio,
        b2=config.adam_beta2**ratio,
        eps=config.adam_epsilon,
    )


def zero_totals() -> dict[str, Float[np.ndarray, "2"]]:
    """Returns the totals at the start of a tick, on the host."""
    return {name: np.zeros((2,), np.float32) for name in METRICS}


def tick_means(totals: Totals) -> dict[str, float]:
    """Returns the mean of each metric that was measured since the tick began."""
    return {
        name: float(total[0] / total[1])
        for name, total in jax.device_get(totals).items()
        if total[1] > 0
    }


def create(
    networks: Networks, optimizers: Optimizers, seed: int, augment_p: float = 0.0
) -> TrainState:
    """Returns the state before the first update; traceable."""
    generator = networks.init_generator(rng.key(seed, "init_generator"))
    discriminator = networks.init_discriminator(rng.key(seed, "init_discriminator"))
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        images=jnp.zeros((), jnp.uint32),
        phase=jnp.zeros((), jnp.int32),
        generator=generator,
        discriminator=discriminator,
        # A copy: the state is donated, and no buffer may be donated twice.
        ema=jax.tree.map(jnp.copy, generator),
        moments=zero_moments(networks.w_size, networks.labels),
        path_mean=jnp.zeros((), jnp.float32),
        augment_p=jnp.asarray(augment_p, jnp.float32),
        augment_sign=jnp.zeros((2,), jnp.float32),
        skipped=jnp.zeros((), jnp.int32),
        generator_optimizer=optimizers.generator.init(generator),
        discriminator_optimizer=optimizers.discriminator.init(discriminator),
        totals=jax.tree.map(jnp.asarray, zero_totals()),
    )


def build(
    networks: Networks, optimizers: Optimizers, seed: int, augment_p: float = 0.0
) -> TrainState:
    """Runs `create`, compiled without optimisation since it runs once.

    Optimised, the many small random draws take several times longer to compile.
    """
    options = {
        "xla_backend_optimization_level": 0,
        "xla_llvm_disable_expensive_passes": True,
    }
    initial = jax.jit(
        lambda: create(networks, optimizers, seed, augment_p), compiler_options=options
    )
    return initial()


def enter_phase(state: TrainState, optimizers: Optimizers, index: int) -> TrainState:
    """Returns the state at the start of a phase, on the host: both optimizers forget."""
    if int(state.phase) == index:
        return state
    return state.replace(
        phase=jnp.asarray(index, jnp.int32),
        generator_optimizer=optimizers.generator.init(state.generator),
        discriminator_optimizer=optimizers.discriminator.init(state.discriminator),
    )


def ema_item(state: TrainState) -> dict[str, Any]:
    """Returns what a sampler needs of the state: the `ema` item of a checkpoint."""
    return {"params": state.ema, "moments": state.moments, "images": state.images}
