"""A whole update of a GAN: discriminator, R1, generator, path length.

Written for one device with collectives over "data". Losses are means over the global
batch, and random numbers belong to samples of it (forward.py), so an update depends
neither on the device count nor on the parts in which a device takes its batch.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Key

from synthjax.core import rng
from synthjax.core.devices import Devices, Step
from synthjax.gan.augment.control import adjust_augmentation
from synthjax.gan.compiled import Batch, Steps, make_grid
from synthjax.gan.config import ResolvedConfig
from synthjax.gan.forward import (
    augment_images,
    discriminate_with_label_loss,
    draw_styles,
    sample_keys,
    shown_reals,
    synthesize,
)
from synthjax.gan.generator import draw_noise
from synthjax.gan.gradients import (
    Metrics,
    Objective,
    Part,
    mean_gradient,
    move_discriminator,
    move_generator,
    where_finite,
)
from synthjax.gan.growth import networks_at
from synthjax.gan.labels import LabelSampler, draw_labels
from synthjax.gan.losses import LOSSES
from synthjax.gan.networks.api import Networks, Params
from synthjax.gan.regularizers import (
    ema_decay_at,
    gradient_penalty,
    interpolate,
    next_path_length_mean,
    path_length_penalty,
    path_lengths,
    r1,
)
from synthjax.gan.schedule import Phase, path_interval, r1_interval, whole_phase
from synthjax.gan.state import Optimizers, TrainState
from synthjax.gan.truncation import batch_moments

PATH_SHARE = 2  # path lengths are taken of one image in so many (StyleGAN2, B)


@runtime_checkable
class Update(Protocol):
    """Makes the next state of a batch of real images, on one device."""

    def __call__(
        self, state: TrainState, batch: Batch, sampler: LabelSampler, /
    ) -> TrainState: ...


@dataclass(frozen=True)
class Context:
    """What all updates of a phase are made of; no arrays."""

    config: ResolvedConfig
    networks: Networks  # of the data set's resolution
    optimizers: Optimizers
    phase: Phase  # what is trained
    seed: int  # of every random stream
    device_count: int


def make_steps(
    config: ResolvedConfig,
    networks: Networks,
    optimizers: Optimizers,
    devices: Devices,
    seed: int,
    phase: Phase | None = None,
) -> Steps:
    """Returns the steps of a phase, mapped over the devices, not yet compiled.

    Args:
      config: the gan section.
      networks: of the data set's resolution.
      optimizers: of both networks.
      devices: to map over.
      seed: of every random stream.
      phase: what is trained; by default the networks as they are in the end.
    """
    phase = phase or whole_phase(config, networks.resolution)
    context = Context(config, networks, optimizers, phase, seed, devices.count)

    def map_update(update: Update) -> Step:
        return devices.map_step(update, in_axes=(None, 0, None))

    return Steps(
        discriminator=map_update(make_discriminator_update(context)),
        regularizer=map_update(make_regularizer_update(context))
        if r1_interval(config)
        else None,
        generator=map_update(make_generator_update(context)),
        path_length=map_update(make_path_length_update(context))
        if path_interval(config)
        else None,
        grid=devices.map_step(
            make_grid(config, networks, seed, phase),
            in_axes=(None, 0),
            donate_state=False,
            sharded_outputs=True,
        ),
    )


def make_discriminator_update(context: Context) -> Update:
    """Moves the discriminator to tell real images from synthetic ones."""
    config = context.config

    def discriminator(
        state: TrainState, batch: Batch, sampler: LabelSampler
    ) -> TrainState:
        count = batch["label"].shape[0]
        networks = networks_at(context.networks, context.phase, state.images)
        keys = _keys(context, "discriminator", state, count)
        requested = batch["label"]
        if not LOSSES[config.loss].paired:
            requested = draw_labels(keys, sampler, config.balanced_rows)
        gradient, metrics = mean_gradient(
            _discriminator_objective(context, networks, state),
            state.discriminator,
            {**batch, "requested": requested, "keys": keys},
            config.accumulate,
        )
        metrics["gradient_norm_discriminator"] = optax.tree.norm(gradient)
        metrics["augment_p"] = state.augment_p
        shown = count * context.device_count
        sign = metrics["sign_shown"]
        state = adjust_augmentation(state, sign, shown, config.augment)
        state = move_discriminator(context.optimizers, state, gradient, metrics)
        return state.replace(images=state.images + jnp.uint32(shown))

    return discriminator


def _discriminator_objective(
    context: Context, networks: Networks, state: TrainState
) -> Objective:
    config, augmentation = context.config, context.config.augment
    loss = LOSSES[config.loss]

    def objective(params: Params, part: Part) -> tuple[Float[Array, ""], Metrics]:
        keys, label, requested = part["keys"], part["label"], part["requested"]
        real = shown_reals(part["pixels"], context.phase, state.images)
        synthetic, _ = synthesize(
            networks, state.generator, keys, requested, config.style_mixing
        )
        p = state.augment_p
        real = augment_images(real, keys, "real", p, augmentation)
        synthetic = augment_images(synthetic, keys, "synthetic", p, augmentation)
        # One pass over both: minibatch groups are consecutive, so none is mixed.
        logit, label_loss = discriminate_with_label_loss(
            networks,
            params,
            jnp.concatenate([real, synthetic]),
            jnp.concatenate([label, requested]),
            config.label_loss if config.label_weight else None,
        )
        real_logit, synthetic_logit = jnp.split(logit, 2)
        total = jnp.mean(loss.discriminator(real_logit, synthetic_logit))
        metrics = {
            "loss_discriminator": total,
            "logit_real": jnp.mean(real_logit),
            "logit_synthetic": jnp.mean(synthetic_logit),
            "sign_shown": jnp.mean(jnp.sign(real_logit)),
        }
        if label_loss is not None:
            of_real, of_synthetic = (jnp.mean(x) for x in jnp.split(label_loss, 2))
            # AC-GAN's form learns the labels of synthetic images as well.
            softmax = config.label_loss == "softmax"
            learnt = of_real + of_synthetic if softmax else of_real
            total += config.label_weight * learnt
            metrics["label_loss_real"] = of_real
        if loss.interpolates:
            between = interpolate(real, synthetic, keys)
            penalty = jnp.mean(
                gradient_penalty(
                    lambda x: networks.discriminate(params, x, label), between
                )
            )
            total += config.gradient_penalty * penalty
            total += config.drift * jnp.mean(jnp.square(real_logit))
            metrics["gradient_penalty"] = penalty
        return total, metrics

    return objective


def make_regularizer_update(context: Context) -> Update:
    """Moves the discriminator towards small gradients (lazy R1 and R2).

    Weighted by the updates from one to the next, since it stands for all of them.
    """
    config, every = context.config, r1_interval(context.config)

    def regularizer(
        state: TrainState, batch: Batch, sampler: LabelSampler
    ) -> TrainState:
        networks = networks_at(context.networks, context.phase, state.images)
        keys = _keys(context, "regularizer", state, batch["label"].shape[0])
        requested = batch["label"]
        if not LOSSES[config.loss].paired:
            requested = draw_labels(keys, sampler, config.balanced_rows)

        def objective(params: Params, part: Part) -> tuple[Float[Array, ""], Metrics]:
            def penalty(image: Array, label: Array, origin: str) -> Float[Array, ""]:
                def discriminate(image: Array) -> Array:
                    shown = augment_images(
                        image, part["keys"], origin, state.augment_p, config.augment
                    )
                    return networks.discriminate(params, shown, label)

                return jnp.mean(r1(discriminate, image))

            total, metrics = jnp.zeros((), jnp.float32), {}
            if config.r1_weight:
                real = shown_reals(part["pixels"], context.phase, state.images)
                metrics["r1"] = penalty(real, part["label"], "real")
                total += config.r1_weight / 2 * every * metrics["r1"]
            if config.r2_weight:
                synthetic, _ = synthesize(
                    networks,
                    state.generator,
                    part["keys"],
                    part["requested"],
                    config.style_mixing,
                )
                metrics["r2"] = penalty(synthetic, part["requested"], "synthetic")
                total += config.r2_weight / 2 * every * metrics["r2"]
            return total, metrics

        gradient, metrics = mean_gradient(
            objective,
            state.discriminator,
            {**batch, "requested": requested, "keys": keys},
            config.accumulate,
        )
        return move_discriminator(context.optimizers, state, gradient, metrics)

    return regularizer


def make_generator_update(context: Context) -> Update:
    """Moves the generator to be taken for real, and its averages after it."""
    config = context.config

    def generator(state: TrainState, batch: Batch, sampler: LabelSampler) -> TrainState:
        count = batch["label"].shape[0]
        networks = networks_at(context.networks, context.phase, state.images)
        keys = _keys(context, "generator", state, count)
        requested = batch["label"]
        if not LOSSES[config.loss].needs_real:
            requested = draw_labels(keys, sampler, config.balanced_rows)
        gradient, metrics = mean_gradient(
            _generator_objective(context, networks, state),
            state.generator,
            {**batch, "requested": requested, "keys": keys},
            config.accumulate,
        )
        moments = metrics.pop("moments")
        metrics["gradient_norm_generator"] = optax.tree.norm(gradient)
        before = state.generator
        state, finite = move_generator(context.optimizers, state, gradient, metrics)
        decay = ema_decay_at(config, state.images, count * context.device_count)
        # A constant decay is the published one, which averages before the update.
        newest = before if config.ema_decay else state.generator
        moments = optax.incremental_update(moments, state.moments, 1 - decay)
        return state.replace(
            step=state.step + 1,
            ema=optax.incremental_update(newest, state.ema, 1 - decay),
            moments=where_finite(finite, moments, state.moments),
        )

    return generator


def _generator_objective(
    context: Context, networks: Networks, state: TrainState
) -> Objective:
    config, loss = context.config, LOSSES[context.config.loss]
    discriminator, p = state.discriminator, state.augment_p

    def objective(params: Params, part: Part) -> tuple[Float[Array, ""], Metrics]:
        keys, requested = part["keys"], part["requested"]
        synthetic, w = synthesize(
            networks, params, keys, requested, config.style_mixing
        )
        synthetic = augment_images(synthetic, keys, "synthetic", p, config.augment)
        logit, label_loss = discriminate_with_label_loss(
            networks,
            discriminator,
            synthetic,
            requested,
            config.label_loss if config.label_weight else None,
        )
        real_logit = None
        if loss.needs_real:
            real = shown_reals(part["pixels"], context.phase, state.images)
            real = augment_images(real, keys, "real", p, config.augment)
            real_logit = networks.discriminate(discriminator, real, part["label"])
        per_image = loss.generator(logit, real_logit)
        metrics = {
            "loss_generator": jnp.mean(per_image),
            "moments": batch_moments(w, requested),
        }
        if label_loss is not None:
            per_image = per_image + config.label_weight * label_loss
        return jnp.mean(per_image), metrics

    return objective


def make_path_length_update(context: Context) -> Update:
    """Moves the generator towards equal path lengths (lazy; half a batch).

    Karras et al. 2020, section 3.2 and appendix B. Lengths are compared with their
    running mean as it was before this batch, the same for every part and device.
    """
    config = context.config
    weight = config.path_weight * path_interval(config)

    def path_length(
        state: TrainState, batch: Batch, sampler: LabelSampler
    ) -> TrainState:
        networks = networks_at(context.networks, context.phase, state.images)
        count = max(1, batch["label"].shape[0] // PATH_SHARE)
        keys = _keys(context, "path length", state, count)
        requested = draw_labels(keys, sampler, config.balanced_rows)

        def objective(params: Params, part: Part) -> tuple[Float[Array, ""], Metrics]:
            _, ws = draw_styles(
                networks, params, part["keys"], part["requested"], config.style_mixing
            )
            noise = draw_noise(networks, part["keys"])
            lengths = path_lengths(
                lambda ws: networks.synthesize(params, ws, noise), ws, part["keys"]
            )
            penalty = path_length_penalty(lengths, state.path_mean)
            return weight * jnp.mean(penalty), {"path_length": jnp.mean(lengths)}

        gradient, metrics = mean_gradient(
            objective,
            state.generator,
            {"requested": requested, "keys": keys},
            config.accumulate,
        )
        mean = next_path_length_mean(state.path_mean, metrics["path_length"])
        state, finite = move_generator(context.optimizers, state, gradient, metrics)
        return state.replace(path_mean=jnp.where(finite, mean, state.path_mean))

    return path_length


def _keys(
    context: Context, name: str, state: TrainState, count: int
) -> Key[Array, " b"]:
    return sample_keys(rng.key(context.seed, name, state.step), count)
