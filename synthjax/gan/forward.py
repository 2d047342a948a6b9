"""What an update feeds the networks: keys, real images, styles, synthetic images."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from synthjax.core import rng
from synthjax.core.devices import AXIS
from synthjax.gan.augment.augment import augment
from synthjax.gan.config import GanConfig
from synthjax.gan.generator import draw_latents, draw_noise
from synthjax.gan.growth import real_images
from synthjax.gan.losses import LABEL_LOSSES
from synthjax.gan.networks.api import Networks, Params
from synthjax.gan.schedule import Phase
from synthjax.gan.state import TrainState


def sample_keys(root: Key[Array, ""], count: int) -> Key[Array, " b"]:
    """One key for each of this device's `count` samples, by global sample index."""
    first = jax.lax.axis_index(AXIS) * count
    fold = jax.vmap(lambda index: jax.random.fold_in(root, index))
    return fold(first + jnp.arange(count, dtype=jnp.int32))


def _fold(keys: Key[Array, " b"], name: str) -> Key[Array, " b"]:
    return jax.vmap(lambda key: rng.key(key, name))(keys)


@dataclass(frozen=True)
class Forward:
    """Everything that is put through the networks in a phase of a run."""

    config: GanConfig  # resolved
    networks: Networks
    phase: Phase
    seed: int

    def grown(self, state: TrainState) -> Networks:
        """The networks as they are at this image count."""
        if self.networks.at_resolution is None:
            return self.networks
        return self.networks.at_resolution(
            self.phase.resolution, self.phase.fade(state.images)
        )

    def keys(self, name: str, state: TrainState, count: int) -> Key[Array, " b"]:
        return sample_keys(rng.key(self.seed, name, state.step), count)

    def real(self, state: TrainState, pixels: Array) -> Array:
        fade = self.phase.fade(state.images) if self.phase.fade_over else None
        return real_images(pixels, self.phase.resolution, fade)

    def augment(
        self, state: TrainState, image: Array, keys: Key[Array, " b"], which: str
    ) -> Array:
        if self.config.augment.mode == "none":
            return image
        folded = _fold(keys, f"augment {which}")
        return augment(image, folded, state.augment_p, self.config.augment)

    def styles(
        self,
        networks: Networks,
        params: Params,
        keys: Key[Array, " b"],
        label: Array,
    ) -> tuple[Float[Array, "b w"], Float[Array, "b n w"]]:
        """A style for every layer, in a share of the images of two latents.

        Style mixing: Karras et al. 2019 (arXiv:1812.04948), section 3.1.
        """
        w = networks.map(params, draw_latents(networks, keys), label)
        count = networks.num_ws
        ws = jnp.broadcast_to(w[:, None], (w.shape[0], count, w.shape[1]))
        if not self.config.style_mixing or count < 2:
            return w, ws
        others = _fold(keys, "style mixing")
        other = networks.map(params, draw_latents(networks, others), label)

        def cut(key: Key[Array, ""]) -> Array:
            place = jax.random.randint(rng.key(key, "layer"), (), 1, count)
            coin = jax.random.uniform(rng.key(key, "coin"), (), jnp.float32)
            return jnp.where(coin < self.config.style_mixing, place, count)

        first = jnp.arange(count) < jax.vmap(cut)(others)[:, None]
        return w, jnp.where(first[:, :, None], ws, other[:, None])

    def synthesize(
        self,
        networks: Networks,
        params: Params,
        keys: Key[Array, " b"],
        label: Array,
    ) -> tuple[Float[Array, "b h w c"], Float[Array, "b w"]]:
        """Images of the generator in training, and their styles."""
        w, ws = self.styles(networks, params, keys, label)
        return networks.synthesize(params, ws, draw_noise(networks, keys)), w

    def judge(
        self, networks: Networks, params: Params, image: Array, label: Array
    ) -> tuple[Float[Array, " b"], Float[Array, " b"] | None]:
        """The discriminator's logit, and the loss of its label head if it counts."""
        with_labels = networks.discriminate_with_labels
        if with_labels is None or not self.config.label_weight:
            return networks.discriminate(params, image, label), None
        logit, label_logit = with_labels(params, image, label)
        if label_logit is None:  # there are no labels
            return logit, None
        return logit, LABEL_LOSSES[self.config.label_loss](label_logit, label)
