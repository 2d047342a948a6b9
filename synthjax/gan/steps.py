"""One update of a GAN, written for one device with collectives over "data".

Every random number belongs to a sample by its index in the global batch, and losses
are means over the global batch, so an update does not depend on the device count.
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Key

from synthjax.core import rng
from synthjax.core.compile import compile_ahead
from synthjax.core.devices import AXIS, Devices, Step, mean_over_devices
from synthjax.data.transforms import to_image, to_pixels
from synthjax.gan.config import GanConfig
from synthjax.gan.generator import draw_latents, draw_noise, generate
from synthjax.gan.losses import LOSSES
from synthjax.gan.models.networks import Networks, Params
from synthjax.gan.regularizers import ema_decay, r1
from synthjax.gan.state import Optimizers, TrainState, ema_item

Batch = dict[str, Array]  # pixels [b h w c], label [b y]
Rows = Float[Array, "n y"]  # label rows of the training split


@dataclass(frozen=True)
class Steps:
    """The mapped functions of a run.

    `discriminator`, `regularizer` and `generator` take (state, batch, rows) and give
    the next state; `grid` takes (ema, {"row", "label"}) and gives uint8 images.
    """

    discriminator: Step
    regularizer: Step
    generator: Step
    grid: Step


def make_steps(
    config: GanConfig,
    networks: Networks,
    optimizers: Optimizers,
    devices: Devices,
    seed: int,
) -> Steps:
    """The steps of a run, mapped over the devices, not yet compiled."""
    update = _Update(config, networks, optimizers, devices.count, seed)

    # Plain functions: devices.map_step counts their positional arguments.
    def discriminator(state: TrainState, batch: Batch, rows: Rows) -> TrainState:
        return update.discriminator(state, batch, rows)

    def regularizer(state: TrainState, batch: Batch, rows: Rows) -> TrainState:
        return update.regularizer(state, batch)

    def generator(state: TrainState, batch: Batch, rows: Rows) -> TrainState:
        return update.generator(state, batch, rows)

    def grid(ema: dict[str, Any], cell: dict[str, Array]) -> Array:
        keys = jax.vmap(lambda row: rng.key(seed, "grid", row))(cell["row"])
        z, noise = draw_latents(networks, keys), draw_noise(networks, keys)
        image = generate(networks, ema, z, cell["label"], noise, config.psi)
        return to_pixels(image, 8)

    return Steps(
        discriminator=devices.map_step(discriminator, batch_args=1),
        regularizer=devices.map_step(regularizer, batch_args=1),
        generator=devices.map_step(generator, batch_args=1),
        grid=devices.map_step(
            grid, batch_args=1, donate_state=False, sharded_outputs=True
        ),
    )


def compile_steps(
    steps: Steps, state: TrainState, batch: Batch, rows: Rows, cells: dict[str, Array]
) -> None:
    """Compiles every step for arguments like these, side by side, with a message."""
    arguments = (state, batch, rows)
    compile_ahead(
        {
            "discriminator": lambda: steps.discriminator.compile_ahead(*arguments),
            "generator": lambda: steps.generator.compile_ahead(*arguments),
            "R1": lambda: steps.regularizer.compile_ahead(*arguments),
            "grid": lambda: steps.grid.compile_ahead(ema_item(state), cells),
        }
    )


def sample_keys(root: Key[Array, ""], count: int) -> Key[Array, " b"]:
    """One key for each of this device's `count` samples, by global sample index."""
    first = jax.lax.axis_index(AXIS) * count
    fold = jax.vmap(lambda index: jax.random.fold_in(root, index))
    return fold(first + jnp.arange(count, dtype=jnp.int32))


def draw_labels(keys: Key[Array, " b"], rows: Rows) -> Float[Array, "b y"]:
    """A uniformly random training row for each key: labels occur together as there."""

    def draw(key: Key[Array, ""]) -> Array:
        return jax.random.randint(rng.key(key, "label"), (), 0, rows.shape[0])

    return rows[jax.vmap(draw)(keys)]


def label_loss(
    logit: Float[Array, "b y"], label: Float[Array, "b y"]
) -> Float[Array, " b"]:
    """Binary cross-entropy summed over the known labels of each image."""
    known = ~jnp.isnan(label)
    target = jnp.where(known, label, 0.0)
    entropy = optax.sigmoid_binary_cross_entropy(logit, target)
    return jnp.sum(jnp.where(known, entropy, 0.0), axis=-1)


def add_totals(
    totals: dict[str, Float[Array, "2"]], values: dict[str, Float[Array, ""]]
) -> dict[str, Float[Array, "2"]]:
    """Adds one update's metrics to the sums and counts of the tick."""
    added = {k: totals[k] + jnp.stack([v, jnp.ones_like(v)]) for k, v in values.items()}
    return {**totals, **added}


@dataclass(frozen=True)
class _Update:
    """The three updates of a GAN on one device; all arrays come in as arguments."""

    config: GanConfig
    networks: Networks
    optimizers: Optimizers
    device_count: int
    seed: int

    def discriminator(self, state: TrainState, batch: Batch, rows: Rows) -> TrainState:
        """Moves the discriminator to tell real images from synthetic ones."""
        image, label = to_image(batch["pixels"]), batch["label"]
        keys = self._keys("discriminator", state, image.shape[0])
        synthetic_label = draw_labels(keys, rows)
        synthetic, _ = self._synthesize(state.generator, keys, synthetic_label)

        # One pass over both: the minibatch groups are consecutive, so none is mixed.
        images = jnp.concatenate([image, synthetic])
        labels = jnp.concatenate([label, synthetic_label])

        def objective(params: Params) -> tuple[Array, dict[str, Array]]:
            logit, label_loss = self._judge(params, images, labels)
            real_logit, synthetic_logit = jnp.split(logit, 2)
            loss = LOSSES[self.config.loss].discriminator(real_logit, synthetic_logit)
            total = jnp.mean(loss + jnp.split(label_loss, 2)[0])
            return total, {
                "loss_discriminator": jnp.mean(loss),
                "logit_real": jnp.mean(real_logit),
                "logit_synthetic": jnp.mean(synthetic_logit),
            }

        gradient = jax.grad(objective, has_aux=True)(state.discriminator)
        gradient, metrics = mean_over_devices(gradient)
        metrics["gradient_norm_discriminator"] = optax.tree.norm(gradient)
        shown = jnp.uint32(image.shape[0] * self.device_count)
        state = self._move_discriminator(state, gradient, metrics)
        return state.replace(images=state.images + shown)

    def regularizer(self, state: TrainState, batch: Batch) -> TrainState:
        """Moves the discriminator towards small gradients at real images (lazy R1).

        Weighted by `r1_every`, since it runs once in so many updates.
        """
        image, label = to_image(batch["pixels"]), batch["label"]
        weight = self.config.r1_weight / 2 * self.config.r1_every

        def objective(params: Params) -> tuple[Array, dict[str, Array]]:
            def discriminate(image: Array) -> Array:
                return self.networks.discriminate(params, image, label)

            penalty = jnp.mean(r1(discriminate, image))
            return weight * penalty, {"r1": penalty}

        gradient = jax.grad(objective, has_aux=True)(state.discriminator)
        gradient, metrics = mean_over_devices(gradient)
        return self._move_discriminator(state, gradient, metrics)

    def generator(self, state: TrainState, batch: Batch, rows: Rows) -> TrainState:
        """Moves the generator to be taken for real, and its averages after it."""
        count = batch["label"].shape[0]
        keys = self._keys("generator", state, count)
        label = draw_labels(keys, rows)

        def objective(params: Params) -> tuple[Array, dict[str, Array]]:
            image, w = self._synthesize(params, keys, label)
            logit, label_loss = self._judge(state.discriminator, image, label)
            loss = LOSSES[self.config.loss].generator(logit)
            metrics = {"loss_generator": jnp.mean(loss), "w": jnp.mean(w, axis=0)}
            return jnp.mean(loss + label_loss), metrics

        gradient = jax.grad(objective, has_aux=True)(state.generator)
        gradient, metrics = mean_over_devices(gradient)
        w = metrics.pop("w")
        metrics["gradient_norm_generator"] = optax.tree.norm(gradient)
        change, optimizer = self.optimizers.generator.update(
            gradient, state.generator_optimizer, state.generator
        )
        params = optax.apply_updates(state.generator, change)
        decay = ema_decay(
            count * self.device_count,
            state.images.astype(jnp.float32) / 1000,
            self.config.ema_half_life_kimg,
            self.config.ema_rampup,
        )
        return state.replace(
            step=state.step + 1,
            generator=params,
            generator_optimizer=optimizer,
            ema=optax.incremental_update(params, state.ema, 1 - decay),
            w_mean=optax.incremental_update(w, state.w_mean, 1 - decay),
            totals=add_totals(state.totals, metrics),
        )

    def _keys(self, name: str, state: TrainState, count: int) -> Key[Array, " b"]:
        return sample_keys(rng.key(self.seed, name, state.step), count)

    def _synthesize(
        self, params: Params, keys: Key[Array, " b"], label: Array
    ) -> tuple[Array, Array]:
        """Images of the generator in training, and their styles."""
        w = self.networks.map(params, draw_latents(self.networks, keys), label)
        ws = jnp.broadcast_to(
            w[:, None], (w.shape[0], self.networks.num_ws, w.shape[1])
        )
        noise = draw_noise(self.networks, keys)
        return self.networks.synthesize(params, ws, noise), w

    def _judge(self, params: Params, image: Array, label: Array) -> tuple[Array, Array]:
        """The discriminator's logit, and the weighted loss of its label head."""
        with_labels = self.networks.discriminate_with_labels
        if with_labels is None or not self.config.label_weight:
            logit = self.networks.discriminate(params, image, label)
            return logit, jnp.zeros_like(logit)
        logit, label_logit = with_labels(params, image, label)
        return logit, self.config.label_weight * label_loss(label_logit, label)

    def _move_discriminator(
        self, state: TrainState, gradient: Params, metrics: dict[str, Array]
    ) -> TrainState:
        change, optimizer = self.optimizers.discriminator.update(
            gradient, state.discriminator_optimizer, state.discriminator
        )
        return state.replace(
            discriminator=optax.apply_updates(state.discriminator, change),
            discriminator_optimizer=optimizer,
            totals=add_totals(state.totals, metrics),
        )
