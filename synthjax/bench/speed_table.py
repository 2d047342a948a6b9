"""What a benchmark measures, as lists of flags say it, and the table of its results."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from synthjax.bench.benchmark import DTYPES, Speed
from synthjax.bench.kernel_times import format_times
from synthjax.core.errors import StudyError
from synthjax.gan.config import MODELS, GanConfig
from synthjax.gan.presets import BF16_FROM

LEGEND = """\
s/kimg: of all updates at their true frequency; D, G, R1, path and augment are its
parts, input comes beside them (files to device, all threads; "-": not measured).
peak: GiB that one device, or this process on a CPU, held at most; estimate: what the
compiled steps said of it before they ran. peak %: share of the measured matrix product
of the dtype. GFLOP: per image, counted in the compiled steps."""

TRACE_LEGEND = """\
Kernels: one call of each step was traced, and counts at its true frequency. time %: of
what the devices spent; peak %: of the matrix product's FLOP/s, reached in that time;
points lost: of 100 % of the peak, what the kind costs. On a CPU a backward-input
convolution of stride 1 is among the forward ones, being the same kernel, and one of
stride 2 may be an upsampling of the generator."""


def variants(
    config: GanConfig,
    resolution: int,
    models: Sequence[str],
    resolutions: Sequence[str],
    dtypes: Sequence[str],
    batches: Sequence[str],
) -> list[tuple[GanConfig, int]]:
    """The config and resolution of each row, resolutions ascending within a model.

    An empty list leaves the config as it is.

    Args:
      config: the gan section.
      resolution: of the study, pixels.
      models: names in MODELS.
      resolutions: pixels.
      dtypes: names in DTYPES.
      batches: images per update.

    Raises:
      StudyError: a word that is none of these.
    """
    sizes = sorted(_numbers(resolutions, "resolution")) or [resolution]
    counts = sorted(_numbers(batches, "batch")) or [0]
    return [
        (variant(config, model, dtype, count), size)
        for model, size, dtype, count in itertools.product(
            models or [""], sizes, dtypes or [""], counts
        )
    ]


def _numbers(words: Sequence[str], name: str) -> list[int]:
    for word in words:
        if not word.isdigit() or not int(word):
            raise StudyError(f"the {name} {word!r} must be a positive number")
    return [int(word) for word in words]


def variant(config: GanConfig, model: str, dtype: str, batch_size: int) -> GanConfig:
    """The config with another model, dtype of the blocks or batch.

    Args:
      config: the gan section.
      model: a name in MODELS; empty: the config's.
      dtype: a name in DTYPES; empty: the config's.
      batch_size: images per update; 0: the config's.

    Raises:
      StudyError: a name that is not there.
    """
    model = model or config.model
    if model not in MODELS:
        raise StudyError(f"the model {model!r} must be one of {', '.join(MODELS)}")
    changes: dict[str, Any] = {"model": model}
    if dtype:
        if dtype not in DTYPES:
            raise StudyError(f"the dtype {dtype!r} must be one of {', '.join(DTYPES)}")
        start = 0 if dtype == "float32" else BF16_FROM
        sizes = dataclasses.replace(getattr(config, model), bf16_from=start)
        changes[model] = sizes
    if batch_size:
        changes |= {"batch_size": batch_size, "grown_batch_sizes": ()}
    return dataclasses.replace(config, **changes)


def format_speeds(speeds: Sequence[Speed], inputs: Mapping[int, float]) -> str:
    """A row for each measurement, then the kernels of those that were traced.

    Args:
      speeds: what was measured.
      inputs: resolution -> images per second of the input path, where it is known.
    """
    head = (
        *("model", "px", "dtype", "batch", "s/kimg", "images/s", "D", "G", "R1"),
        *("path", "augment", "input", "estimate", "peak", "compile s", "GFLOP"),
        "peak %",
    )
    rows: list[tuple[str, ...]] = [head]
    names = ("discriminator", "generator", "R1", "path length", "augmentation")
    for speed in speeds:
        rate = inputs.get(speed.resolution)
        rows.append(
            (
                speed.model,
                str(speed.resolution),
                speed.dtype,
                str(speed.batch_size),
                f"{speed.seconds_per_kimg:.2f}",
                f"{1000 / speed.seconds_per_kimg:.1f}",
                *(_seconds(speed.parts.get(name)) for name in names),
                _seconds(1000 / rate if rate else None),
                f"{speed.memory_estimate / 2**30:.2f}",
                f"{speed.memory_peak / 2**30:.2f}",
                f"{speed.compile_seconds:.0f}",
                f"{speed.flop_per_image / 1e9:.2f}",
                f"{100 * speed.share_of_peak:.0f}",
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    peaks = {s.dtype: s.peak_flops for s in speeds}
    products = ", ".join(f"{v / 1e9:.0f} GFLOP/s {k}" for k, v in peaks.items())
    lines += ["", LEGEND, f"Matrix product: {products}."]
    traced = [speed for speed in speeds if speed.kinds]
    for speed in traced:
        row = (speed.model, f"{speed.resolution} px", speed.dtype)
        lines += ["", f"{', '.join(row)}, batch {speed.batch_size}:"]
        lines += [format_times(speed.kinds, speed.peak_flops / speed.device_count)]
    return "\n".join(lines + (["", TRACE_LEGEND] if traced else []))


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
