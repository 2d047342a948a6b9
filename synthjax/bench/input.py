"""How fast images reach a training step: streamed from files, or kept on the device."""

import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Shaped

from synthjax.core.clock import say
from synthjax.core.devices import Devices
from synthjax.core.errors import StudyError
from synthjax.core.findings import CHEST
from synthjax.data.images.pixels import RESOLUTIONS, PixelsConfig, fit
from synthjax.data.parallel import worker_count
from synthjax.data.schema import Record, Schema
from synthjax.data.store.feed import Feed, ResidentFeed, StreamingFeed
from synthjax.data.store.loader import StoredSplit, read_split, resident_images
from synthjax.data.store.write import write_set
from synthjax.phantom import chest

SECONDS = 1.5  # of one measurement, at least
ROUNDS = 3  # measurements of a rate, of which the best counts
_SET_BYTES = 2**25  # of pixels in the set that is measured, within the next two limits
_MIN_IMAGES, _MAX_IMAGES = 64, 1024
_RENDERED = 4  # different images in it; rendering takes most of the time at 1024 px
_IDLE_SECONDS = 0.05  # without work of ours, before a measurement starts
_PATIENCE = 10.0  # seconds at most to wait for that

_LEGEND = f"""\
Rates are images/s. Input: the best of {ROUNDS} times {SECONDS} s or more, on `images` images of
`KB/image` in files that the system has in memory. threads: read and decoded; resident:
gathered on the device, for splits of up to (fit) images; step: the whole training step
of the GAN, "<=" where it is too slow to measure: then the rate at a lower resolution,
whose layers it has as well. input/step is of all threads.
ample: 2 or more; enough: 1 or more; resident: the resident path alone keeps up; limits:
neither does; unknown: below the bound of a step that was not measured.
On a CPU step and threads share the cores: the input takes 1 / (1 + input/step)."""


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
        """How many times faster the threads are than one."""
        return self.streaming / self.single


@dataclass(frozen=True)
class StepSpeed:
    """Images per second that a training step consumes at one resolution."""

    rate: float
    measured: bool = True  # False: the true rate is at most this


def read_sizes(words: Sequence[str]) -> list[int]:
    """Resolutions as a user gives them, ascending.

    Raises:
        StudyError: one is not a resolution that sets have.
    """
    known = {str(size): size for size in RESOLUTIONS}
    for word in words:
        if word not in known:
            raise StudyError(f"the size {word!r} must be one of {', '.join(known)}.")
    if not words:
        raise StudyError(f"no size is given; choose from {', '.join(known)}.")
    return sorted({known[word] for word in words})


def measure_input(
    resolution: int,
    *,
    channels: int,
    bits: int,
    batch_size: int,
    devices: Devices,
    seconds: float = SECONDS,
    rounds: int = ROUNDS,
) -> InputSpeed:
    """Times the feeds on radiographs of the chest phantom, written for the purpose.

    Rates are the best of some rounds, in which one thread and all threads take turns:
    on a machine that others use too, both see the same hours. The files are in the
    memory of the operating system, so decoding is measured and not the disk.

    Args:
        resolution: of the images, pixels.
        channels: 1 or 3.
        bits: of a pixel, 8 or 16.
        batch_size: images in a global batch.
        seconds: of one measurement, at least; there are 2 * `rounds` + 1.
        rounds: how often each streaming rate is measured.
    """
    say(f"input {resolution} px: writing a set ...")
    schema = Schema("benchmark", CHEST, resolution, channels, bits)
    threads = worker_count(0)
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        write_set(directory, schema, {"train": _records(schema)})
        size = sum(file.stat().st_size for file in directory.glob("*array_record*"))
        stored = StoredSplit(directory, "train")
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
        _wait_until_idle()
        table = read_split(directory, "train")
        resident = ResidentFeed(
            table.pixels, table.label, batch_size=batch_size, seed=0, devices=devices
        )
        speed = InputSpeed(
            resolution=resolution,
            images=len(stored),
            stored_kb=size / len(stored) / 1000,
            threads=threads,
            single=best[1],
            streaming=best[threads],
            resident=_rate(resident, batch_size, seconds, skip=1),
            fitting=resident_images(schema),
        )
    say(
        f"input {resolution} px: {_digits(speed.streaming)} images/s streamed, "
        f"{_digits(speed.resident)} resident"
    )
    return speed


def _records(schema: Schema) -> Iterator[Record]:
    """Radiographs by ascending id: grain of a film, which white noise is not."""
    rendered = [_radiograph(schema, number) for number in range(_RENDERED)]
    count = _SET_BYTES // rendered[0].nbytes
    for number in range(min(max(count, _MIN_IMAGES), _MAX_IMAGES)):
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


def _wait_until_idle() -> None:
    """Waits until the feed before has read as far ahead as it does."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        before = time.process_time()
        time.sleep(_IDLE_SECONDS)
        if time.process_time() - before < 0.1 * _IDLE_SECONDS:
            return


def _rate(feed: Feed, batch_size: int, seconds: float, skip: int) -> float:
    """Images per second, after `skip` batches that may have been ready."""
    for _ in range(skip):
        jax.block_until_ready(feed.next())
    count, begin = 0, time.monotonic()
    while (spent := time.monotonic() - begin) < seconds:
        jax.block_until_ready(feed.next())
        count += batch_size
    return count / spent


def describe_machine(devices: Devices) -> str:
    """The cores and devices that rates depend on, and whether others use them now."""
    cores = worker_count(0)
    text = f"{cores} CPU cores, {devices.count} {devices.platform} device(s)"
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > 0.5 * cores:
        text += f"; load average {load:.1f}: others use it, so rates are too low"
    return text


def verdict(speed: InputSpeed, step: StepSpeed) -> str:
    """One word on whether the input keeps up with the training step."""
    if speed.streaming >= 2 * step.rate:
        return "ample"
    if speed.streaming >= step.rate:
        return "enough"
    if not step.measured:
        return "unknown"
    return "resident" if speed.resident >= step.rate else "limits"


def format_table(speeds: Sequence[InputSpeed], steps: Mapping[int, StepSpeed]) -> str:
    """A row for each resolution, with what the words in it mean.

    Args:
        speeds: of the input path, at one or more resolutions.
        steps: resolution -> what the training step consumes, where it is known.
    """
    threads = speeds[0].threads
    head: tuple[str, ...] = (
        *("px", "images", "KB/image", "1 thread", f"{threads} threads", "scaling"),
        *("resident", "(fit)", "step", "input/step", "verdict"),
    )
    rows = [head]
    for speed in speeds:
        step = steps.get(speed.resolution)
        needed = ("-", "-", "-")
        if step:
            ratio = speed.streaming / step.rate
            most, least = ("", "") if step.measured else ("<= ", ">= ")
            needed = (
                most + _digits(step.rate),
                f"{least}{_digits(ratio)}",
                verdict(speed, step),
            )
        rows.append(
            (
                str(speed.resolution),
                str(speed.images),
                _digits(speed.stored_kb),
                *map(_digits, (speed.single, speed.streaming)),
                f"{speed.scaling:.2f}",
                _digits(speed.resident),
                str(speed.fitting),
                *needed,
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    return "\n".join((*lines, "", _LEGEND))


def _digits(value: float) -> str:
    """Three digits that count."""
    return f"{value:.{max(0, 2 - int(np.floor(np.log10(max(value, 0.01)))))}f}"
