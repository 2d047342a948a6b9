"""Draw images from a generator: image i never depends on its neighbours."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, Int, UInt

from synthjax.core import rng
from synthjax.core.devices import Devices
from synthjax.data import loader, transforms
from synthjax.synth.labels import STREAMS


def make_step(
    generator: Any, seed: int, bits: int
) -> Callable[..., UInt[Array, "b h w c"]]:
    """The sampling step of one device: (params, stream, index, label, psi) -> pixels.

    Latent and noise come from a key folded from (seed, stream, index), so an image is
    fixed by these, its label, psi and the parameters alone.
    """

    def keys_of(stream: Int[Array, ""], index: Int[Array, ""]) -> tuple[Array, Array]:
        key = rng.key(seed, "synthetic image", stream, index)
        return rng.key(key, "latents"), rng.key(key, "noise")

    def step(params, stream, index, label, psi):
        latent_keys, noise_keys = jax.vmap(keys_of)(stream, index)
        z = jax.vmap(lambda key: jax.random.normal(key, (generator.z_size,)))(
            latent_keys
        )
        noise = generator.noise(noise_keys)
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
        generator: Any,
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
            batch_args=3,
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
        """What `step` takes for one global batch (every process gives all of it)."""
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
        update: Callable[[int], Any] | None = None,
    ) -> UInt[np.ndarray, "n h w c"]:
        """Images by index, in the order given.

        Args:
          index: number of each image inside its split; the same index gives the same
            latent and noise, whatever its label.
          label: 0 or 1 (values between sweep a finding).
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


def sweep(
    sampler: Sampler,
    label: Float[np.ndarray, " y"],
    *,
    name: str,
    steps: int,
    rows: int,
) -> UInt[np.ndarray, "n h w c"]:
    """Images of `rows` latents while one label goes from 0 to 1 in `steps` steps.

    Row-major: the first `steps` images are the first latent's. The other labels keep
    the values of `label`.
    """
    labels = np.repeat(np.asarray(label, np.float32)[None], steps, axis=0)
    labels[:, sampler.generator.labels.index(name)] = np.linspace(0, 1, steps)
    index = np.repeat(np.arange(rows), steps)
    return sampler(index, np.tile(labels, (rows, 1)))


def truncation(
    sampler: Sampler, label: Float[np.ndarray, " y"], *, psis: list[float], rows: int
) -> UInt[np.ndarray, "n h w c"]:
    """Images of `rows` latents with one label under each truncation, row-major."""
    labels = np.repeat(np.asarray(label, np.float32)[None], rows, axis=0)
    columns = [sampler(np.arange(rows), labels, psi=psi) for psi in psis]
    stacked = np.stack(columns, axis=1)
    return stacked.reshape(-1, *stacked.shape[2:])
