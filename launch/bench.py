"""How fast the GAN trains here, or what it would cost on a GPU that is not here.

    python -m launch.bench --config=configs/phantom_chest.py

prints one table: a row for each model, resolution, dtype and batch of the flags, by
default this config as it is. With --budget=h200 it compiles the steps for 1 and 8 of
those GPUs instead, and needs none (an environment with the extra `gpu-budget`). The
exit code is 3 if a limit of synthjax/bench/gpu_budgets.json is exceeded.
"""

import sys

import jax
from absl import flags

from synthjax.bench.benchmark import benchmark
from synthjax.bench.gpu_budget import GPUS
from synthjax.bench.gpu_limits import check_budgets
from synthjax.bench.input import describe_machine, measure_input
from synthjax.bench.speed_table import format_speeds, variants
from synthjax.core.clock import say

from .study import Launch, launch

_MODELS = flags.DEFINE_list("models", "", "Models to measure.")
_RESOLUTIONS = flags.DEFINE_list("resolutions", "", "Resolutions, pixels.")
_DTYPES = flags.DEFINE_list("dtypes", "", "float32, bfloat16.")
_BATCHES = flags.DEFINE_list("batches", "", "Images per update, over all devices.")
_SECONDS = flags.DEFINE_float("seconds", 8.0, "At least this long per step.")
_INPUT = flags.DEFINE_bool("input", True, "Time the input path too.")
_PROFILE = flags.DEFINE_bool("profile", False, "Say which kernels take the time.")
_BUDGET = flags.DEFINE_enum("budget", None, list(GPUS), "Compile for this GPU instead.")


def run(this: Launch) -> None:
    """Measures, or counts."""
    data = this.sections["data"]
    lists = (_MODELS.value, _RESOLUTIONS.value, _DTYPES.value, _BATCHES.value)
    chosen = variants(this.sections["gan"], data.resolution, *lists)
    if _BUDGET.value:
        sys.exit(check_budgets(chosen, GPUS[_BUDGET.value], channels=data.channels))
    shape = {"channels": data.channels, "devices": this.devices}
    say(describe_machine(this.devices))
    speeds, inputs = [], {}
    for config, size in chosen:
        how = {"seconds_each": _SECONDS.value, "trace": _PROFILE.value}
        speed = benchmark(config, resolution=size, **how, **shape)
        speeds.append(speed)
        if _INPUT.value and size not in inputs:
            rates = {"bits": data.pixels.bits, "batch_size": speed.batch_size}
            inputs[size] = measure_input(size, **rates, **shape).streaming
    if this.devices.is_main:
        print(format_speeds(speeds, inputs))


if __name__ == "__main__":
    if any(word.lstrip("-").startswith("budget") for word in sys.argv[1:]):
        # The CUDA plugin, asked to run, wants a driver; to compile, it wants none.
        jax.config.update("jax_platforms", "cpu")
    launch(run)
