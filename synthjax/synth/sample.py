"""Draws images from a generator: image i never depends on its neighbours."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np
from jaxtyping import Array, Float, Int, UInt

from synthjax.core import rng
from synthjax.core.devices import Devices
from synthjax.data.images import transforms
from synthjax.data.store import loader
from synthjax.gan.generator import Generator
from synthjax.synth.labels import STREAMS


@runtime_checkable
class SamplingStep(Protocol):
    """Draws the pixels of the images of one device."""

    def __call__(
        self,
        params: dict[str, Any],
        stream: Int[Array, " b"],
        index: Int[Array, " b"],
        label: Float[Array, "b y"],
        psi: Float[Array, ""],
    ) -> UInt[Array, "b h w c"]: ...


def draw_inputs(
    generator: Generator,
    seed: int,
    stream: Int[Array, " b"],
    index: Int[Array, " b"],
) -> tuple[Float[Array, "b z"], tuple[Float[Array, "b h w 1"], ...]]:
    """Draws the latents and noise of images by index; traceable.

    They come from a key folded from (seed, stream, index), so an image is fixed by
    these, its label, psi and the parameters alone.
    """

    def keys_of(stream: Int[Array, ""], index: Int[Array, ""]) -> tuple[Array, Array]:
        key = rng.key(seed, "synthetic image", stream, index)
        return rng.key(key, "latents"), rng.key(key, "noise")

    latent_keys, noise_keys = jax.vmap(keys_of)(stream, index)
    z = jax.vmap(lambda key: jax.random.normal(key, (generator.z_size,)))(latent_keys)
    return z, generator.noise(noise_keys)


def make_step(generator: Generator, seed: int, bits: int) -> SamplingStep:
    """Returns the sampling step of one device."""

    def step(
        params: dict[str, Any],
        stream: Int[Array, " b"],
        index: Int[Array, " b"],
        label: Float[Array, "b y"],
        psi: Float[Array, ""],
    ) -> UInt[Array, "b h w c"]:
        z, noise = draw_inputs(generator, seed, stream, index)
        image = generator.sample(params, z, label, noise, psi)
        return transforms.to_pixels(image, bits)

    return step


class Sampler:
    """Draws images by index on all devices, in padded batches of one fixed shape.

    The shape that a device sees is always `batch_size`, whatever the number of images
    or devices, so the bytes of an image do not depend on either.
    """

    def __init__(
        self,
        generator: Generator,
        *,
        seed: int,
        bits: int,
        devices: Devices,
        batch_size: int = 32,
    ) -> None:
        self.generator = generator
        self.devices = devices
        self.global_batch = batch_size * devices.count
        local = batch_size * devices.local_count
        start = devices.process_index * local
        self._local = slice(start, start + local)
        self._params = devices.replicate(generator.params)
        self.step = devices.map_step(
            make_step(generator, seed, bits),
            in_axes=(None, 0, 0, 0, None),
            donate_state=False,
            sharded_outputs=True,
        )

    def arguments(
        self,
        index: Int[np.ndarray, " b"],
        label: Float[np.ndarray, "b y"],
        *,
        split: str,
        psi: float,
    ) -> tuple[Any, ...]:
        """Returns what `step` takes for one global batch, all of it on every process."""
        stream = np.full(len(index), STREAMS[split], np.int32)
        batch = (stream, index.astype(np.int32), label.astype(np.float32))
        sharded = [self.devices.shard(part[self._local]) for part in batch]
        return (self._params, *sharded, np.float32(psi))

    def __call__(
        self,
        index: Int[np.ndarray, " n"],
        label: Float[np.ndarray, "n y"],
        *,
        split: str = "train",
        psi: float = 1.0,
        update: Callable[[int], object] | None = None,
    ) -> UInt[np.ndarray, "n h w c"]:
        """Draws images by index, in the given order.

        Args:
          index: number of each image inside its split; the same index gives the same
            latent and noise, whatever its label.
          label: 0, 1 or NaN (unknown); values between sweep a finding.
          split: names the random stream: "train", "valid" or "test".
          psi: truncation; 1 leaves the generator as it is, 0 is the mean style.
          update: called with the number of images drawn after each batch.
        """
        index, label = np.asarray(index), np.asarray(label, np.float32)
        images = []
        for rows, mask in loader.padded_batches(len(index), self.global_batch):
            arguments = self.arguments(index[rows], label[rows], split=split, psi=psi)
            pixels = self.devices.gather(self.step(*arguments))
            images.append(np.asarray(pixels)[mask])
            if update is not None:
                update(int(mask.sum()))
        return np.concatenate(images)
