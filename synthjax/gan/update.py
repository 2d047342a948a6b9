"""One update of a GAN, written for one device with collectives over "data".

Every random number belongs to a sample by its index in the global batch, and losses
are means over the global batch, so an update depends neither on the device count nor
on the parts in which a device takes its batch.
"""

from dataclasses import dataclass

import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float

from synthjax.gan.augment.augment import adjust_p
from synthjax.gan.config import GanConfig
from synthjax.gan.forward import Forward
from synthjax.gan.generator import draw_noise
from synthjax.gan.gradients import Metrics, add_totals, choose, descend, mean_gradient
from synthjax.gan.labels import LabelSampler, draw_labels
from synthjax.gan.losses import LOSSES, Loss
from synthjax.gan.networks.api import Params
from synthjax.gan.regularizers import (
    ema_decay,
    gradient_penalty,
    interpolate,
    next_path_length_mean,
    path_length_penalty,
    path_lengths,
    r1,
)
from synthjax.gan.state import Optimizers, TrainState, path_every, r1_every
from synthjax.gan.truncation import batch_moments

Batch = dict[str, Array]  # pixels [b h w c], label [b y]
PATH_SHARE = 2  # path lengths are taken of one image in so many (StyleGAN2, B)


@dataclass(frozen=True)
class Update:
    """The updates of a GAN on one device; all arrays come in as arguments."""

    config: GanConfig  # resolved
    forward: Forward
    optimizers: Optimizers
    device_count: int

    @property
    def loss(self) -> Loss:
        """The adversarial loss."""
        return LOSSES[self.config.loss]

    def discriminator(
        self, state: TrainState, batch: Batch, rows: LabelSampler
    ) -> TrainState:
        """Moves the discriminator to tell real images from synthetic ones."""
        config, count = self.config, batch["label"].shape[0]
        networks = self.forward.grown(state)
        keys = self.forward.keys("discriminator", state, count)
        label = batch["label"]
        if not self.loss.paired:
            label = draw_labels(keys, rows, config.balanced_rows)

        def objective(params: Params, part: dict[str, Array]) -> tuple[Array, Metrics]:
            image = self.forward.real(state, part["pixels"])
            synthetic, _ = self.forward.synthesize(
                networks, state.generator, part["keys"], part["asked"]
            )
            image = self.forward.augment(state, image, part["keys"], "real")
            synthetic = self.forward.augment(
                state, synthetic, part["keys"], "synthetic"
            )
            # One pass over both: minibatch groups are consecutive, so none is mixed.
            logit, label_loss = self.forward.judge(
                networks,
                params,
                jnp.concatenate([image, synthetic]),
                jnp.concatenate([part["label"], part["asked"]]),
            )
            real, unreal = jnp.split(logit, 2)
            loss = self.loss.discriminator(real, unreal)
            total = jnp.mean(loss)
            metrics = {
                "loss_discriminator": total,
                "logit_real": jnp.mean(real),
                "logit_synthetic": jnp.mean(unreal),
                "sign_shown": jnp.mean(jnp.sign(real)),
            }
            if label_loss is not None:
                own, others = (jnp.mean(part) for part in jnp.split(label_loss, 2))
                # AC-GAN's form learns the labels of synthetic images as well.
                both = own + others if config.label_loss == "softmax" else own
                total += config.label_weight * both
                metrics["label_loss_real"] = own
            if self.loss.interpolates:
                between = interpolate(image, synthetic, part["keys"])
                penalty = jnp.mean(
                    gradient_penalty(
                        lambda x: networks.discriminate(params, x, part["label"]),
                        between,
                    )
                )
                total += config.gradient_penalty * penalty
                total += config.drift * jnp.mean(jnp.square(real))
                metrics["gradient_penalty"] = penalty
            return total, metrics

        gradient, metrics = mean_gradient(
            objective,
            state.discriminator,
            {**batch, "asked": label, "keys": keys},
            config.accumulate,
        )
        metrics["gradient_norm_discriminator"] = optax.tree.norm(gradient)
        metrics["augment_p"] = state.augment_p
        shown = count * self.device_count
        state = self._control_augmentation(state, metrics["sign_shown"], shown)
        state = self._move_discriminator(state, gradient, metrics)
        return state.replace(images=state.images + jnp.uint32(shown))

    def regularizer(
        self, state: TrainState, batch: Batch, rows: LabelSampler
    ) -> TrainState:
        """Moves the discriminator towards small gradients (lazy R1 and R2).

        Weighted by `r1_every`, since it runs once in so many updates.
        """
        config, networks = self.config, self.forward.grown(state)
        keys = self.forward.keys("regularizer", state, batch["label"].shape[0])
        every = r1_every(config)
        label = batch["label"]
        if not self.loss.paired:
            label = draw_labels(keys, rows, config.balanced_rows)

        def objective(params: Params, part: dict[str, Array]) -> tuple[Array, Metrics]:
            def penalty(image: Array, label: Array, which: str) -> Array:
                def discriminate(image: Array) -> Array:
                    shown = self.forward.augment(state, image, part["keys"], which)
                    return networks.discriminate(params, shown, label)

                return jnp.mean(r1(discriminate, image))

            total, metrics = jnp.zeros((), jnp.float32), {}
            if config.r1_weight:
                image = self.forward.real(state, part["pixels"])
                metrics["r1"] = penalty(image, part["label"], "real")
                total += config.r1_weight / 2 * every * metrics["r1"]
            if config.r2_weight:
                image, _ = self.forward.synthesize(
                    networks, state.generator, part["keys"], part["asked"]
                )
                metrics["r2"] = penalty(image, part["asked"], "synthetic")
                total += config.r2_weight / 2 * every * metrics["r2"]
            return total, metrics

        gradient, metrics = mean_gradient(
            objective,
            state.discriminator,
            {**batch, "asked": label, "keys": keys},
            config.accumulate,
        )
        return self._move_discriminator(state, gradient, metrics)

    def generator(
        self, state: TrainState, batch: Batch, rows: LabelSampler
    ) -> TrainState:
        """Moves the generator to be taken for real, and its averages after it."""
        config, count = self.config, batch["label"].shape[0]
        networks = self.forward.grown(state)
        keys = self.forward.keys("generator", state, count)
        label = batch["label"]
        if not self.loss.needs_real:
            label = draw_labels(keys, rows, config.balanced_rows)

        def objective(params: Params, part: dict[str, Array]) -> tuple[Array, Metrics]:
            image, w = self.forward.synthesize(
                networks, params, part["keys"], part["asked"]
            )
            image = self.forward.augment(state, image, part["keys"], "synthetic")
            judge = state.discriminator
            logit, label_loss = self.forward.judge(
                networks, judge, image, part["asked"]
            )
            real = None
            if self.loss.needs_real:
                seen = self.forward.real(state, part["pixels"])
                seen = self.forward.augment(state, seen, part["keys"], "real")
                real = networks.discriminate(judge, seen, part["label"])
            loss = self.loss.generator(logit, real)
            metrics = {
                "loss_generator": jnp.mean(loss),
                "moments": batch_moments(w, part["asked"]),
            }
            if label_loss is not None:
                loss = loss + config.label_weight * label_loss
            return jnp.mean(loss), metrics

        gradient, metrics = mean_gradient(
            objective,
            state.generator,
            {**batch, "asked": label, "keys": keys},
            config.accumulate,
        )
        moments = metrics.pop("moments")
        metrics["gradient_norm_generator"] = optax.tree.norm(gradient)
        before = state.generator
        state, finite = self._move_generator(state, gradient, metrics)
        decay = self._ema_decay(state, count * self.device_count)
        # A constant decay is the published one, which averages before the update.
        newest = before if config.ema_decay else state.generator
        moments = optax.incremental_update(moments, state.moments, 1 - decay)
        return state.replace(
            step=state.step + 1,
            ema=optax.incremental_update(newest, state.ema, 1 - decay),
            moments=choose(finite, moments, state.moments),
        )

    def path_length(
        self, state: TrainState, batch: Batch, rows: LabelSampler
    ) -> TrainState:
        """Moves the generator towards equal path lengths (lazy; half a batch).

        Karras et al. 2020, section 3.2 and appendix B. Lengths are compared with their
        running mean as it was before this batch, the same for every part and device.
        """
        config, networks = self.config, self.forward.grown(state)
        count = max(1, batch["label"].shape[0] // PATH_SHARE)
        keys = self.forward.keys("path length", state, count)
        label = draw_labels(keys, rows, config.balanced_rows)
        weight = config.path_weight * path_every(config)

        def objective(params: Params, part: dict[str, Array]) -> tuple[Array, Metrics]:
            _, ws = self.forward.styles(networks, params, part["keys"], part["asked"])
            noise = draw_noise(networks, part["keys"])

            def synthesize(ws: Array) -> Array:
                return networks.synthesize(params, ws, noise)

            lengths = path_lengths(synthesize, ws, part["keys"])
            penalty = path_length_penalty(lengths, state.path_mean)
            return weight * jnp.mean(penalty), {"path_length": jnp.mean(lengths)}

        gradient, metrics = mean_gradient(
            objective,
            state.generator,
            {"asked": label, "keys": keys},
            config.accumulate,
        )
        mean = next_path_length_mean(state.path_mean, metrics["path_length"])
        state, finite = self._move_generator(state, gradient, metrics)
        return state.replace(path_mean=jnp.where(finite, mean, state.path_mean))

    def _control_augmentation(
        self, state: TrainState, sign: Float[Array, ""], shown: int
    ) -> TrainState:
        """Adds to what is known of D(real), and now and then moves the probability."""
        config = self.config.augment
        if config.mode != "ada":
            return state
        known = jnp.isfinite(sign)
        added = jnp.stack([sign * shown, jnp.asarray(shown, jnp.float32)])
        total = state.augment_sign + jnp.where(known, added, 0.0)
        moved = adjust_p(state.augment_p, total[0], total[1], total[1], config)
        now = ((state.step + 1) % config.every == 0) & (total[1] > 0)
        return state.replace(
            augment_p=jnp.where(now, moved, state.augment_p),
            augment_sign=jnp.where(now, jnp.zeros_like(total), total),
        )

    def _move_discriminator(
        self, state: TrainState, gradient: Params, metrics: Metrics
    ) -> TrainState:
        params, optimizer, finite = descend(
            self.optimizers.discriminator,
            gradient,
            state.discriminator_optimizer,
            state.discriminator,
        )
        return state.replace(
            discriminator=params,
            discriminator_optimizer=optimizer,
            skipped=state.skipped + jnp.where(finite, 0, 1).astype(jnp.int32),
            totals=add_totals(state.totals, metrics, finite),
        )

    def _move_generator(
        self, state: TrainState, gradient: Params, metrics: Metrics
    ) -> tuple[TrainState, Bool[Array, ""]]:
        params, optimizer, finite = descend(
            self.optimizers.generator,
            gradient,
            state.generator_optimizer,
            state.generator,
        )
        state = state.replace(
            generator=params,
            generator_optimizer=optimizer,
            skipped=state.skipped + jnp.where(finite, 0, 1).astype(jnp.int32),
            totals=add_totals(state.totals, metrics, finite),
        )
        return state, finite

    def _ema_decay(self, state: TrainState, batch_size: int) -> Float[Array, ""]:
        if self.config.ema_decay:
            return jnp.asarray(self.config.ema_decay, jnp.float32)
        return ema_decay(
            batch_size,
            state.images.astype(jnp.float32) / 1000,
            self.config.ema_half_life_kimg,
            self.config.ema_rampup,
        )
