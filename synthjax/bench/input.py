"""How fast images reach a training step: streamed from files, or kept on the device."""

import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Shaped

from synthjax.core.clock import say
from synthjax.core.devices import Devices
from synthjax.core.findings import CHEST
from synthjax.data.dataset import Dataset
from synthjax.data.images.pixels import PixelsConfig, fit
from synthjax.data.parallel import worker_count
from synthjax.data.schema import Record, Schema
from synthjax.data.store.feed import Feed, ResidentFeed, StreamingFeed
from synthjax.data.store.loader import resident_images
from synthjax.data.store.stored import StoredSplit
from synthjax.data.store.write import write_set
from synthjax.phantom import chest

SECONDS = 1.5  # of one measurement, at least
ROUNDS = 3  # measurements of a rate, of which the best counts
_SET_BYTES = 2**25  # of pixels in the set that is measured, within the next two limits
_MIN_IMAGES, MAX_IMAGES = 64, 1024
_RENDERED = 4  # different images in it; rendering takes most of the time at 1024 px
_IDLE_SECONDS = 0.05  # without work of ours, before a measurement starts
_PATIENCE = 10.0  # seconds at most to wait for that


@dataclass(frozen=True)
class InputSpeed:
    """Images per second of the input path at one resolution."""

    resolution: int  # pixels
    images: int  # in the set that was measured
    stored_kb: float  # of an image in the files, 1000 bytes
    threads: int  # of the second of the streaming rates
    single: float  # streamed by one thread, images/s
    streaming: float  # streamed by `threads` threads, images/s
    resident: float  # gathered on the device, images/s
    fitting: int  # images of this shape that resident="auto" keeps on the device

    @property
    def scaling(self) -> float:
        """How many times faster all threads are than one."""
        return self.streaming / self.single


def measure_input(
    resolution: int,
    *,
    channels: int,
    bits: int,
    batch_size: int,
    devices: Devices,
    seconds: float = SECONDS,
    rounds: int = ROUNDS,
    max_images: int = MAX_IMAGES,
) -> InputSpeed:
    """Times the feeds on radiographs of the chest phantom, written for the purpose.

    The files are in the memory of the operating system, so decoding is measured and
    not the disk.

    Args:
      resolution: of the images, pixels.
      channels: 1 or 3.
      bits: of a pixel, 8 or 16.
      batch_size: images in a global batch.
      devices: what the batches are laid on.
      seconds: of one measurement, at least; there are 2 * `rounds` + 1.
      rounds: how often each streaming rate is measured.
      max_images: images that are written at most.
    """
    say(f"input {resolution} px: writing a set ...")
    schema = Schema("benchmark", CHEST, resolution, channels, bits)
    threads = worker_count(0)
    batches: dict[str, Any] = {"batch_size": batch_size, "devices": devices}
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        write_set(directory, schema, {"train": radiographs(schema, max_images)})
        size = sum(file.stat().st_size for file in directory.glob("*array_record*"))
        dataset = Dataset.open(directory)
        stored = dataset["train"]
        rates = _streaming_rates(stored, threads, rounds, seconds, **batches)
        _wait_until_idle()
        table = dataset.table("train")
        resident = ResidentFeed(table.pixels, table.label, seed=0, **batches)
        speed = InputSpeed(
            resolution=resolution,
            images=len(stored),
            stored_kb=size / len(stored) / 1000,
            threads=threads,
            single=rates[1],
            streaming=rates[threads],
            resident=_rate(resident, batch_size, seconds, skip=1),
            fitting=resident_images(schema),
        )
    say(
        f"input {resolution} px: {three_digits(speed.streaming)} images/s streamed, "
        f"{three_digits(speed.resident)} resident"
    )
    return speed


def radiographs(schema: Schema, max_images: int = MAX_IMAGES) -> Iterator[Record]:
    """Yields records by ascending id; they have a film's grain and are not white noise.

    Args:
      schema: of the set; its resolution, channels and bits are those of the images.
      max_images: number of records at most; there are fewer of large images.
    """
    rendered = [_radiograph(schema, number) for number in range(_RENDERED)]
    count = _SET_BYTES // rendered[0].nbytes
    for number in range(min(max(count, _MIN_IMAGES), max_images)):
        yield Record(
            id=f"image{number:05d}",
            pixels=rendered[number % _RENDERED],
            label=np.full(len(schema.labels), number % 2, np.float32),
            patient_id=f"patient{number:05d}",
            origin="phantom_chest",
        )


def _radiograph(schema: Schema, number: int) -> Shaped[np.ndarray, "s s c"]:
    image = chest.render(chest.draw_case(seed=0, number=number), 0, schema.resolution)
    pixels = PixelsConfig(bits=schema.bits)
    return fit(image[:, :, None], pixels, schema.resolution, schema.channels)


def _streaming_rates(
    stored: StoredSplit,
    threads: int,
    rounds: int,
    seconds: float,
    *,
    batch_size: int,
    devices: Devices,
) -> dict[int, float]:
    """Measures the images per second that one thread streams, and that `threads` do.

    They are the best of some rounds, in which one thread and all threads take turns:
    on a machine that others use too, both see the same hours.
    """
    feeds = {
        count: StreamingFeed(
            stored, batch_size=batch_size, seed=0, devices=devices, threads=count
        )
        for count in sorted({1, threads})
    }
    best = dict.fromkeys(feeds, 0.0)
    for _ in range(rounds):
        for count, feed in feeds.items():
            _wait_until_idle()
            rate = _rate(feed, batch_size, seconds, skip=feed.ahead)
            best[count] = max(best[count], rate)
    return best


def _wait_until_idle() -> None:
    """Waits until the feed before has read as far ahead as it does."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        before = time.process_time()
        time.sleep(_IDLE_SECONDS)
        if time.process_time() - before < 0.1 * _IDLE_SECONDS:
            return


def _rate(feed: Feed, batch_size: int, seconds: float, skip: int) -> float:
    """Measures the images per second, after `skip` batches that may have been ready."""
    for _ in range(skip):
        jax.block_until_ready(feed.next())
    count, begin = 0, time.monotonic()
    while (spent := time.monotonic() - begin) < seconds:
        jax.block_until_ready(feed.next())
        count += batch_size
    return count / spent


def describe_machine(devices: Devices) -> str:
    """Names the cores and devices that rates depend on, and whether others use them."""
    cores = worker_count(0)
    text = f"{cores} CPU cores, {devices.count} {devices.platform} device(s)"
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > 0.5 * cores:
        text += f"; load average {load:.1f}: others use it, so rates are too low"
    return text


def three_digits(value: float) -> str:
    """Returns a number as text, with the first three of its digits or all integers."""
    return f"{value:.{max(0, 2 - int(np.floor(np.log10(max(value, 0.01)))))}f}"
