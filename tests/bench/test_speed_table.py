"""How a measured speed is printed."""

import dataclasses

from synthjax.bench.benchmark import Speed
from synthjax.bench.speed_table import format_speeds

SPEED = Speed(
    model="stylegan2",
    resolution=64,
    dtype="float32",
    batch_size=32,
    device_count=2,
    seconds_per_kimg=4.0,
    seconds={"discriminator": 0.06, "R1": 0.1, "generator": 0.05, "path length": 0.04},
    parts={"discriminator": 1.5, "R1": 0.5, "generator": 1.6, "augmentation": 0.4},
    flop_per_image=2.5e9,
    peak_flops=2e11,
    mfu=0.55,
    compile_seconds=21.4,
    memory_estimate=3 * 2**29,
    memory_peak=2**31,
)


def test_the_table_shows_what_was_measured():
    other = dataclasses.replace(SPEED, dtype="bfloat16", peak_flops=5e10)
    head, first, second, *_ = format_speeds([SPEED, other], {64: 500.0}).splitlines()
    assert len(head) == len(first) == len(second)
    # s/kimg, images/s, D, G, R1, path, augment, input, estimate, peak, s, GFLOP, %
    values = first.split()[4:]
    expected = "4.00 250.0 1.50 1.60 0.50 - 0.40 2.00 1.50 2.00 21 2.50 55"
    assert values == expected.split()
    table = format_speeds([SPEED, other], {})
    assert "200 GFLOP/s float32, 50 GFLOP/s bfloat16" in table
    assert "MFU gap" not in table
