"""The least time of compiled GPU kernels, by hand; limits and exit codes."""

import dataclasses
import importlib.util

import pytest

from synthjax.bench import gpu_limits
from synthjax.bench.gpu_budget import (
    GPUS,
    Budget,
    StepCost,
    kernel_seconds,
    make_budgets,
    step_cost,
)
from synthjax.bench.gpu_limits import (
    check_budgets,
    exceeded,
    format_budget,
    read_limits,
)
from synthjax.core.errors import StudyError
from synthjax.gan.config import GanConfig
from synthjax.gan.networks.stylegan2 import StyleGAN2Config
from synthjax.gan.presets import resolve

H200 = GPUS["h200"]
has_compiler = importlib.util.find_spec("jax_cuda12_plugin") is not None


def test_collectives_are_counted_once_and_take_their_links_time(recorded):
    launched = recorded("loop_on_8")
    cost = step_cost("generator", 1, launched, 0, H200, 8)
    assert cost.collectives == {"all-gather": 1, "all-reduce": 1}
    (reduce,) = (k for k in launched if k.kind == "all-reduce")
    assert reduce.bytes == 4 * 16 * 32
    expected = 2 * 7 / 8 * 4 * 16 * 32 / 450e9
    assert kernel_seconds(reduce, H200, 8) == pytest.approx(expected)


def test_products_of_libraries_that_may_not_use_tf32_are_slower(recorded):
    (kernel,) = recorded("library_product")
    assert kernel.flop == 2 * 128 * 4096 * 256
    assert kernel.bytes == 4 * (128 * 4096 + 4096 * 256 + 128 * 256)  # no scratch
    assert kernel.exact
    fast = dataclasses.replace(kernel, exact=False, bytes=0)
    exact = dataclasses.replace(kernel, bytes=0)
    assert kernel_seconds(exact, H200) > 6 * kernel_seconds(fast, H200)


def test_the_roofline_is_the_slower_of_arithmetic_and_memory(recorded):
    _, forward, *_ = recorded("convolutions")
    assert kernel_seconds(forward, H200) == pytest.approx(
        max(forward.flop / 790e12, forward.bytes / 4.3e12)
    )
    idle = dataclasses.replace(forward, flop=0.0)
    assert kernel_seconds(idle, H200) == pytest.approx(forward.bytes / 4.3e12)


def a_step(name, every, **changes):
    cost = StepCost(
        name=name,
        every=every,
        kernels=500,
        flop=6.4e12,
        bytes=4.0e10,
        seconds=0.016,
        temporaries=2**32,
        collectives={},
        dilated=0,
        grouped=0,
    )
    return dataclasses.replace(cost, **changes)


def test_figures_weight_each_step_by_its_frequency():
    steps = (a_step("discriminator", 1), a_step("path length", 4, seconds=0.008))
    figures = Budget(1, 32, steps).figures
    assert figures["seconds_per_kimg"] == pytest.approx((16 + 2) / 32)
    assert figures["tflop_per_image"] == pytest.approx(6.4 * 1.25 / 32)
    assert figures["gib_of_temporaries_per_image"] == pytest.approx(4 / 32)
    on_8 = Budget(8, 32, steps).figures
    assert on_8["seconds_per_kimg"] == pytest.approx((16 + 2) / 256)
    assert on_8["tflop_per_image"] == pytest.approx(figures["tflop_per_image"])


def test_every_exceeded_limit_is_named():
    limits = read_limits("stylegan2", 256, "bfloat16")
    good = Budget(1, 32, (a_step("discriminator", 1),))
    assert exceeded(good, limits) == []
    bad = a_step("generator", 1, seconds=0.05, dilated=2, collectives={"all-gather": 1})
    lines = exceeded(Budget(8, 32, (bad,)), limits)
    names = ("seconds_per_kimg", "dilated_convolutions", "all_gathers")
    assert len(lines) == len(names)
    for line, name in zip(lines, names, strict=True):
        assert name in line


def test_limits_are_of_known_figures():
    figures = Budget(1, 32, (a_step("discriminator", 1),)).figures
    for resolution in (256, 512, 1024):
        limits = read_limits("stylegan2", resolution, "bfloat16")
        assert limits.keys() - {"batch"} <= figures.keys()
        assert limits["batch"] >= 4
    assert read_limits("stylegan2", 256, "float32") == {}


@pytest.mark.parametrize(("seconds", "code"), [(0.016, 0), (0.05, 3)])
def test_the_exit_code_says_whether_a_limit_is_exceeded(
    monkeypatch, capsys, seconds, code
):
    compiled = []

    def measured(config, gpu, **shape):
        compiled.append((config.batch_size, shape["resolution"]))
        return [
            Budget(1, config.batch_size, (a_step("generator", 1, seconds=seconds),))
        ]

    monkeypatch.setattr(gpu_limits, "make_budgets", measured)
    config = GanConfig(stylegan2=StyleGAN2Config(bf16_from=8))
    assert check_budgets([(config, 256)], H200, channels=1) == code
    assert compiled == [(32, 256)]
    out = capsys.readouterr().out
    assert ("EXCEEDED" in out) == (code == 3)
    assert "stylegan2 256 bfloat16" in out


def test_the_table_has_a_row_for_each_step():
    steps = (a_step("discriminator", 1, collectives={"all-reduce": 2}),)
    table = format_budget(Budget(8, 32, steps))
    assert "8 GPU(s), 32 images each" in table
    assert "2 all-reduce" in table
    assert "roofline 0.062 s/kimg" in table


@pytest.mark.skipif(has_compiler, reason="there is a CUDA compiler")
def test_without_a_compiler_the_message_says_how_to_get_it():
    with pytest.raises(StudyError, match="gpu-budget"):
        make_budgets(GanConfig(batch_size=8), H200, resolution=32, channels=1)


@pytest.mark.skipif(not has_compiler, reason="jax has no CUDA compiler here")
def test_a_small_network_is_compiled_for_eight_gpus():
    sizes = StyleGAN2Config(
        z_size=16, w_size=16, label_size=16, mapping_layers=1, channel_max=16
    )
    config = resolve(GanConfig(stylegan2=sizes, batch_size=4), 16)
    (budget,) = make_budgets(config, H200, resolution=16, channels=1, counts=(8,))
    assert {step.name for step in budget.steps} == {
        *("discriminator", "R1", "generator", "path length"),
    }
    for step in budget.steps:
        assert step.flop > 0
        assert step.collectives["all-reduce"] >= 1
        assert (step.dilated, step.grouped) == (0, 0)
        assert "all-gather" not in step.collectives
