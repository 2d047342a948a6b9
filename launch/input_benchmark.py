"""Images per second of the input path, against what the training step consumes.

    python -m launch.input_benchmark --config=configs/phantom_chest.py

It writes radiographs to a temporary folder, a small set of each size, reads them as
training does, and times the training step of this config at each size.
"""

import time

from absl import flags

from synthjax.bench.benchmark import benchmark, predict_seconds
from synthjax.bench.input import (
    StepSpeed,
    describe_machine,
    format_table,
    measure_input,
    read_sizes,
)
from synthjax.bench.speed_table import variant
from synthjax.core.clock import duration, say
from synthjax.gan.presets import resolve

from .study import Launch, launch

_SIZES = flags.DEFINE_list(
    "sizes", "32,128,512,1024", "Resolutions to measure at, pixels."
)
_STEP_SECONDS = flags.DEFINE_float(
    "step_seconds", 8.0, "Steps whose few calls would take longer get a bound instead."
)


def run(this: Launch) -> None:
    """Measures the input at every size, and the step as far as the time allows."""
    begin = time.monotonic()
    config, data = this.sections["gan"], this.sections["data"]
    batch_size = resolve(config, data.resolution).batch_size  # the same at every size
    config = variant(config, "", "", batch_size)
    sizes = read_sizes(_SIZES.value)
    images = {"channels": data.channels, "devices": this.devices}
    say(f"{describe_machine(this.devices)}; batch {config.batch_size}")
    batch = {"batch_size": config.batch_size, "bits": data.pixels.bits}
    inputs = [measure_input(size, **images, **batch) for size in sizes]
    steps: dict[int, StepSpeed] = {}
    speed, last = None, sizes[0]
    for size in sizes:
        if speed and predict_seconds(speed, last, size) > _STEP_SECONDS.value:
            steps[size] = StepSpeed(1000 / speed.seconds_per_kimg, measured=False)
            continue
        speed = benchmark(config, resolution=size, seconds_each=1.0, **images)
        last, steps[size] = size, StepSpeed(1000 / speed.seconds_per_kimg)
    if this.devices.is_main:
        print(format_table(inputs, steps))
        say(f"measured in {duration(time.monotonic() - begin)}")


if __name__ == "__main__":
    launch(run)
