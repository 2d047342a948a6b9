"""The committed limits of what training may cost on a GPU, and the tables of both."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from synthjax.bench.benchmark import dtype_of
from synthjax.bench.gpu_budget import Budget, Gpu, make_budgets
from synthjax.core.table import format_table
from synthjax.gan.config import GanConfig
from synthjax.gan.presets import resolve

LIMITS = Path(__file__).parent / "gpu_budgets.json"  # what a change may not exceed


def read_limits(model: str, resolution: int, dtype: str) -> dict[str, float]:
    """Returns a preset's committed limits and the `batch` they hold for, {} if none."""
    committed = json.loads(LIMITS.read_text(encoding="utf-8"))
    return committed.get(f"{model} {resolution} px {dtype}", {})


def exceeded(budget: Budget, limits: dict[str, float]) -> list[str]:
    """Returns a line for each limit that a budget exceeds.

    The time of several GPUs is held to its share of one GPU's.
    """
    lines = []
    for name, value in budget.figures.items():
        if name not in limits:
            continue
        limit = limits[name] / (budget.gpus if name == "seconds_per_kimg" else 1)
        if value > limit:
            lines.append(
                f"{budget.gpus} GPU(s): {name} is {value:.4g}, the limit is {limit:.4g}"
            )
    return lines


def format_budget(budget: Budget) -> str:
    """Returns a row for each step, and their sum at their true frequency."""
    headers = (
        *("step", "every", "kernels", "TFLOP", "GB moved", "ms", "GiB temporaries"),
        "collectives",
    )
    rows = [
        (
            step.name,
            str(step.every),
            str(step.kernels),
            f"{step.flop / 1e12:.3f}",
            f"{step.bytes / 1e9:.2f}",
            f"{step.seconds * 1e3:.2f}",
            f"{step.temporaries / 2**30:.2f}",
            ", ".join(f"{n} {kind}" for kind, n in step.collectives.items()) or "-",
        )
        for step in budget.steps
    ]
    figures = budget.figures
    total = (
        f"roofline {figures['seconds_per_kimg']:.3f} s/kimg, "
        f"{figures['tflop_per_image']:.4f} TFLOP per image, "
        f"{figures['gib_of_temporaries_per_image']:.3f} GiB of temporaries per image; "
        f"{figures['dilated_convolutions']:.0f} dilated, "
        f"{figures['grouped_convolutions']:.0f} grouped convolutions, "
        f"{figures['all_gathers']:.0f} all-gathers"
    )
    title = f"{budget.gpus} GPU(s), {budget.batch} images each"
    return "\n".join([title, format_table(headers, rows), total])


def check_budgets(
    chosen: Sequence[tuple[GanConfig, int]], gpu: Gpu, *, channels: int
) -> int:
    """Prints the budgets of configs and the limits that they exceed.

    A config with committed limits is compiled for their batch.

    Args:
      chosen: gan sections and resolutions in pixels.
      gpu: the kind.
      channels: of the images.

    Returns:
      The exit code: 3 if a limit is exceeded, else 0.
    """
    code = 0
    for config, resolution in chosen:
        resolved = resolve(config, resolution)
        preset = (config.model, resolution, dtype_of(resolved))
        limits = read_limits(*preset)
        batch = round(limits.get("batch", resolved.batch_size))
        resolved = dataclasses.replace(resolved, batch_size=batch)
        print(" ".join(map(str, preset)) + ("" if limits else ": no committed limits"))
        for budget in make_budgets(
            resolved, gpu, resolution=resolution, channels=channels
        ):
            print(format_budget(budget))
            for line in exceeded(budget, limits):
                print(f"EXCEEDED {line}")
                code = 3
    return code
