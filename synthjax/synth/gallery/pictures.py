"""Pictures to look at: one latent under many labels, and the ways between them.

Everything is drawn by `sample.draw_inputs`, so latent i here is latent i of the twin.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt, UInt8

from synthjax.core.errors import StudyError
from synthjax.core.logbook import grid
from synthjax.data.images import transforms
from synthjax.data.store import loader
from synthjax.gan.generator import Generator
from synthjax.synth.gallery.label_words import words
from synthjax.synth.labels import STREAMS
from synthjax.synth.sample import Sampler, draw_inputs

STREAM = "train"  # the split whose latents are shown
STOPS = 4  # latents on a round
BATCH = 16  # images of a frame that are drawn at a time
_PARALLEL = 1e-4  # sine of the angle below which two latents have one direction


def label_grid(
    sampler: Sampler,
    label: Float[np.ndarray, "r y"],
    *,
    count: int,
    psi: float = 1.0,
) -> UInt[np.ndarray, "n h w c"]:
    """Draws a row of `count` images for each label vector, with the same latents in each.

    Args:
      sampler: draws the images.
      label: values from 0 to 1, one vector for each row of images.
      count: latents, the first ones of the training split's.
      psi: truncation; 1 is none, 0 the mean style.
    """
    index = np.tile(np.arange(count), len(label))
    return sampler(index, np.repeat(label, count, axis=0), split=STREAM, psi=psi)


def sweep(
    sampler: Sampler,
    label: Float[np.ndarray, " y"],
    *,
    name: str,
    steps: int,
    rows: int,
) -> UInt[np.ndarray, "n h w c"]:
    """Draws `rows` latents while one label goes from 0 to 1 in `steps` steps.

    Row-major: the first `steps` images are the first latent's. The other labels keep
    the values of `label`.
    """
    labels = np.repeat(np.asarray(label, np.float32)[None], steps, axis=0)
    labels[:, sampler.generator.labels.index(name)] = np.linspace(0, 1, steps)
    index = np.repeat(np.arange(rows), steps)
    return sampler(index, np.tile(labels, (rows, 1)), split=STREAM)


def truncation(
    sampler: Sampler, label: Float[np.ndarray, " y"], *, psis: list[float], rows: int
) -> UInt[np.ndarray, "n h w c"]:
    """Draws `rows` latents with one label vector under each truncation, row-major."""
    labels = np.repeat(np.asarray(label, np.float32)[None], rows, axis=0)
    index = np.arange(rows)
    columns = [sampler(index, labels, split=STREAM, psi=psi) for psi in psis]
    stacked = np.stack(columns, axis=1)
    return stacked.reshape(-1, *stacked.shape[2:])


def truncations(
    sampler: Sampler, label: Float[np.ndarray, "r y"], *, psis: list[float], rows: int
) -> UInt[np.ndarray, "n h w c"]:
    """Draws `truncation` of every label vector, one below the other."""
    blocks = [truncation(sampler, row, psis=psis, rows=rows) for row in label]
    return np.concatenate(blocks)


def read_psis(given: Sequence[str | float]) -> list[float]:
    """Reads truncations as numbers.

    Raises:
      StudyError: one is not a number from 0 to 2.
    """
    psis = []
    for word in given:
        try:
            psi = float(word)
        except ValueError:
            psi = math.nan
        if not 0 <= psi <= 2:
            raise StudyError(
                f'psi "{word}": must be a number from 0 (one image for each label) '
                "over 1 (no truncation) to 2"
            )
        psis.append(psi)
    return psis


def describe_sheet(
    generator: Generator,
    label: Float[np.ndarray, "r y"],
    *,
    psis: list[float],
    count: int,
    psi_columns: bool,
) -> str:
    """Says what a sheet shows: the generator, its columns, each of its rows.

    Args:
      generator: what drew it.
      label: the label vectors.
      psis: one for all, or one for each column.
      count: latents.
      psi_columns: whether it is `truncations`' sheet and not `label_grid`'s.
    """
    listed = ", ".join(f"{psi:g}" for psi in psis)
    columns = f"psi {listed}" if psi_columns else f"{count} latents, psi {listed}"
    lines = [
        f"checkpoint {generator.step} ({generator.kimg:g} kimg)",
        f"columns: {columns}",
    ]
    height = count if psi_columns else 1
    for number, row in enumerate(label):
        first, last = number * height + 1, (number + 1) * height
        named = f"row {first}" if height == 1 else f"rows {first} to {last}"
        lines.append(f"{named}: {words(row, generator.labels)}")
    return "\n".join(lines)


def slerp(
    begin: Float[Array, "b z"], end: Float[Array, "b z"], share: Float[Array, " b"]
) -> Float[Array, "b z"]:
    """Returns the latent at `share` (0 to 1) of the arc from `begin` to `end`.

    Shoemake 1985; for latents White 2016 (arXiv:1609.04468): on the straight line
    between two normal latents the norm would sink below any that training has shown.
    Latents of one direction, or of opposite ones, have no arc: there it is the line.
    """
    share = share[:, None].astype(begin.dtype)

    def unit(z: Float[Array, "b z"]) -> Float[Array, "b z"]:
        norm = jnp.linalg.norm(z, axis=1, keepdims=True)
        return z / jnp.maximum(norm, jnp.finfo(z.dtype).tiny)

    cosine = jnp.sum(unit(begin) * unit(end), axis=1, keepdims=True)
    angle = jnp.arccos(jnp.clip(cosine, -1.0, 1.0))
    sine = jnp.sin(angle)
    parallel = sine < _PARALLEL
    sine = jnp.where(parallel, 1.0, sine)
    first = jnp.where(parallel, 1.0 - share, jnp.sin((1.0 - share) * angle) / sine)
    second = jnp.where(parallel, share, jnp.sin(share * angle) / sine)
    return first * begin + second * end


class Walker:
    """Draws images that are on the way from one latent to another.

    On the first device: a frame is a few images.
    """

    def __init__(self, generator: Generator, *, seed: int) -> None:
        self._params = jax.device_put(generator.params)
        self._step = jax.jit(_make_walk(generator, seed))

    def __call__(
        self,
        begin: Int[np.ndarray, " n"],
        end: Int[np.ndarray, " n"],
        share: float,
        noise: Int[np.ndarray, " n"],
        label: Float[np.ndarray, "n y"],
        *,
        psi: float = 1.0,
    ) -> UInt8[np.ndarray, "n h w c"]:
        """Draws images at `share` (0 to 1) of the arcs between latents.

        Args:
          begin, end: indices of the latents, as the sampler counts them.
          share: of the way; 0 gives the sampler's image where `noise` is `begin`.
          noise: index of the image whose noise inputs are used.
          label: values from 0 to 1.
          psi: truncation.
        """
        indices = [np.asarray(part, np.int32) for part in (begin, end, noise)]
        label = np.asarray(label, np.float32)
        images = []
        for rows, mask in loader.padded_batches(len(label), min(BATCH, len(label))):
            batch = [part[rows] for part in indices]
            drawn = self._step(
                self._params, *batch, label[rows], np.float32(share), np.float32(psi)
            )
            images.append(np.asarray(drawn)[mask])
        return np.concatenate(images)


@runtime_checkable
class WalkStep(Protocol):
    """Draws a batch of images between latents; the indices are int32."""

    def __call__(
        self,
        params: dict[str, Any],
        begin: Int[Array, " b"],
        end: Int[Array, " b"],
        noise: Int[Array, " b"],
        label: Float[Array, "b y"],
        share: Float[Array, ""],
        psi: Float[Array, ""],
    ) -> UInt8[Array, "b h w c"]: ...


def _make_walk(generator: Generator, seed: int) -> WalkStep:
    def step(
        params: dict[str, Any],
        begin: Int[Array, " b"],
        end: Int[Array, " b"],
        noise: Int[Array, " b"],
        label: Float[Array, "b y"],
        share: Float[Array, ""],
        psi: Float[Array, ""],
    ) -> UInt8[Array, "b h w c"]:
        stream = jnp.full(begin.shape, STREAMS[STREAM], jnp.int32)
        first, second = (
            draw_inputs(generator, seed, stream, index)[0] for index in (begin, end)
        )
        z = slerp(first, second, jnp.broadcast_to(share, begin.shape))
        inputs = draw_inputs(generator, seed, stream, noise)[1]
        return transforms.to_pixels(generator.sample(params, z, label, inputs, psi), 8)

    return step


def latent_frames(
    walker: Walker,
    label: Float[np.ndarray, "r y"],
    *,
    count: int,
    steps: int,
    stops: int = STOPS,
    psi: float = 1.0,
) -> Iterator[UInt8[np.ndarray, "gh gw c"]]:
    """Yields the frames of a closed round through latent space; labels and noise stay.

    A frame is a sheet like `label_grid`: a row for each label vector, and the same
    `count` latents in each. Every latent goes over `stops` - 1 others back to itself, in
    `steps` frames each; the first frame is `label_grid`'s.
    """
    column = np.tile(np.arange(count), len(label))
    labels = np.repeat(label, count, axis=0)
    for stop in range(stops):
        begin = column + stop * count
        end = column + (stop + 1) % stops * count
        for step in range(steps):
            share = step / steps
            yield grid(walker(begin, end, share, column, labels, psi=psi), count)


def label_frames(
    walker: Walker,
    label: Float[np.ndarray, "r y"],
    *,
    count: int,
    steps: int,
    psi: float = 1.0,
) -> Iterator[tuple[Float[np.ndarray, " y"], UInt8[np.ndarray, "gh gw c"]]]:
    """Yields frames of `count` latents while the label goes from vector to vector.

    It goes from each label vector to the next and from the last to the first, on
    straight lines, in `steps` frames each.

    Yields:
      the label vector of the frame, and its sheet: one row of images.
    """
    column = np.arange(count)
    for begin, end in zip(label, np.roll(label, -1, axis=0), strict=True):
        for step in range(steps):
            row = (begin + (end - begin) * np.float32(step / steps)).astype(np.float32)
            labels = np.repeat(row[None], count, axis=0)
            yield row, grid(walker(column, column, 0.0, column, labels, psi=psi), count)
