"""How fast the GAN trains here, or what it would cost on a compile-only GPU.

    python -m launch.bench --config=configs/phantom_chest.py

prints one table: a row for each model, resolution, dtype and batch of the flags, by
default this config as it is. With --input_table it compares the input path with the
training step at each resolution instead. With --budget=h200 it compiles the steps for 1
and 8 of those GPUs, and needs none (an environment with the extra `gpu-budget`). The
exit code is 3 if a limit of synthjax/bench/gpu_budgets.json is exceeded.
"""

import sys
import time

import jax
from absl import flags

from synthjax.bench.benchmark import SECONDS, benchmark
from synthjax.bench.gpu_budget import GPUS
from synthjax.bench.gpu_limits import check_budgets
from synthjax.bench.input import describe_machine, measure_input
from synthjax.bench.input_table import SIZES, STEP_SECONDS, compare_with_step
from synthjax.bench.speed_table import format_speeds
from synthjax.bench.variants import variants
from synthjax.core.clock import duration, say
from synthjax.sections import freeze_all

from .config_flag import CONFIG
from .study import Launch, launch

_MODELS = flags.DEFINE_list("models", "", "Models to measure.")
_RESOLUTIONS = flags.DEFINE_list("resolutions", "", "Resolutions, pixels.")
_DTYPES = flags.DEFINE_list("dtypes", "", "float32, bfloat16.")
_BATCHES = flags.DEFINE_list("batches", "", "Images per update, over all devices.")
_SECONDS = flags.DEFINE_float(
    "seconds", None, "At least this long per step; 8, or 1 with --input_table."
)
_INPUT = flags.DEFINE_bool("input", True, "Time the input path too.")
_PROFILE = flags.DEFINE_bool("profile", False, "Say which kernels take the time.")
_INPUT_TABLE = flags.DEFINE_bool(
    "input_table", False, "Compare the input path with the training step instead."
)
_STEP_SECONDS = flags.DEFINE_float(
    "step_seconds",
    STEP_SECONDS,
    "With --input_table: a step whose few calls would take longer gets a bound.",
)
_BUDGET = flags.DEFINE_enum("budget", None, list(GPUS), "Compile for this GPU instead.")


def run(this: Launch) -> None:
    """Measures, or counts."""
    begin = time.monotonic()
    data = this.sections["data"]
    sizes = _RESOLUTIONS.value or [str(size) for size in SIZES if _INPUT_TABLE.value]
    lists = (_MODELS.value, sizes, _DTYPES.value, _BATCHES.value)
    # With the presets open, which other models and resolutions fill in otherwise.
    config = freeze_all(CONFIG.value)["gan"]
    chosen = variants(config, data.resolution, *lists)
    if _BUDGET.value:
        sys.exit(check_budgets(chosen, GPUS[_BUDGET.value], channels=data.channels))
    images = {"channels": data.channels, "devices": this.devices}
    bits = data.pixels.bits
    say(describe_machine(this.devices))
    if _INPUT_TABLE.value:
        how = {"step_seconds": _STEP_SECONDS.value, "seconds_each": _SECONDS.value or 1}
        table = compare_with_step(chosen, data.resolution, bits=bits, **how, **images)
    else:
        speeds, inputs = [], {}
        how = {"seconds_each": _SECONDS.value or SECONDS, "trace": _PROFILE.value}
        for config, size in chosen:
            speeds.append(benchmark(config, resolution=size, **how, **images))
            if _INPUT.value and size not in inputs:
                batch = {"bits": bits, "batch_size": speeds[-1].batch_size}
                inputs[size] = measure_input(size, **batch, **images).streaming
        table = format_speeds(speeds, inputs)
    if this.devices.is_main:
        print(table)
        say(f"measured in {duration(time.monotonic() - begin)}")


def main() -> None:
    """The command."""
    if any(word.lstrip("-").startswith("budget") for word in sys.argv[1:]):
        # The CUDA plugin, asked to run, wants a driver; to compile, it wants none.
        jax.config.update("jax_platforms", "cpu")
    launch(run)


if __name__ == "__main__":
    main()
