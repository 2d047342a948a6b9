"""Presets: the published schedules and numbers, where a config leaves them open."""

import dataclasses
import itertools

import pytest

from synthjax.core.config import freeze, plain
from synthjax.core.errors import ConfigError
from synthjax.core.identity import identity
from synthjax.gan.config import GanConfig
from synthjax.gan.presets import resolve
from synthjax.gan.schedule import phase_at, phases

# DuMont Schuette et al. 2021: kimg per phase, batch per resolution, kimg in all.
PHASE = {32: 1400, 64: 1000, 128: 1000}
BATCH = {8: 256, 16: 128, 32: 64, 64: 32, 128: 16}
TOTAL = {32: 12000, 64: 14000, 128: 16000}


def published(resolution, kimg):
    """Level of detail, batch and resolution that the published schedule has."""
    levels = resolution.bit_length() - 4  # of doublings from 8 px
    index, within = divmod(kimg, PHASE[resolution])
    grown, fading = (index + 1) // 2, index % 2 == 1
    if grown > levels:
        grown, fading = levels, False
    lod = float(levels - grown)
    if fading:
        lod += 1 - within / PHASE[resolution]
    size = resolution // 2 ** int(lod)  # of the newest layers, also while they fade in
    return lod, BATCH[size], size


@pytest.mark.parametrize("resolution", [32, 64, 128])
def test_the_growth_is_the_published_one_at_every_100_kimg(resolution):
    config = resolve(GanConfig(model="prog_gan"), resolution)
    run = phases(config, resolution)
    assert config.kimg == TOTAL[resolution]
    for kimg in range(0, TOTAL[resolution], 100):
        lod, batch, size = published(resolution, kimg)
        phase = phase_at(run, kimg * 1000)
        assert (phase.resolution, phase.batch_size) == (size, batch), kimg
        levels_left = (resolution // phase.resolution).bit_length() - 1
        fade = float(phase.fade(kimg * 1000))
        assert levels_left + 1 - fade == pytest.approx(lod, abs=1e-6), kimg


@pytest.mark.parametrize(("resolution", "kimg"), [(32, 5600), (64, 6000), (128, 8000)])
def test_full_resolution_is_reached_when_published(resolution, kimg):
    run = phases(resolve(GanConfig(model="prog_gan"), resolution), resolution)
    assert (run[-1].start, run[-1].fade_over) == (kimg * 1000, 0)
    assert run[-1].resolution == resolution
    assert run[-2].end == run[-1].start


def test_phases_follow_one_another_without_gaps():
    for kimg in (0.5, 1500.0, 2800.0, 12000.0):
        run = phases(resolve(GanConfig(model="prog_gan", kimg=kimg), 32), 32)
        assert [phase.index for phase in run] == list(range(len(run)))
        assert run[0].start == 0
        assert all(a.end == b.start for a, b in itertools.pairwise(run))
        assert run[-1].end >= kimg * 1000


def test_a_run_cut_short_fades_no_faster():
    run = phases(resolve(GanConfig(model="prog_gan", kimg=2100.0), 32), 32)
    assert float(run[-1].fade(2_100_000)) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("resolution", "rate", "batch"),
    [(32, 0.005, 256), (128, 0.005, 256), (256, 0.005, 192), (512, 0.006, 96)],
)
def test_cpd_gan_as_published(resolution, rate, batch):
    config = resolve(GanConfig(model="cpd_gan"), resolution)
    assert config.generator_learning_rate == config.discriminator_learning_rate == rate
    assert (config.batch_size, config.loss) == (batch, "wgan_gp")
    assert (config.ema_decay, config.gradient_penalty, config.drift) == (
        0.999,
        10.0,
        0.001,
    )
    assert len(phases(config, resolution)) == 1


@pytest.mark.parametrize("model", ["prog_gan", "cpd_gan"])
def test_published_stops(model):
    stops = {
        size: resolve(GanConfig(model=model), size).early_stop
        for size in (32, 64, 128, 256, 512)
    }
    told = {s: (e.min_kimg, e.every_kimg, e.patience) for s, e in stops.items()}
    assert told == {
        32: (7000, 400, 2),
        64: (7000, 320, 2),
        128: (9000, 240, 2),
        256: (6000, 160, 3),
        512: (6000, 80, 3),
    }


def test_stylegan2_weighs_r1_by_pixels_over_batch():
    weights = [resolve(GanConfig(), size).r1_weight for size in (64, 256, 1024)]
    assert weights == pytest.approx([0.0256, 0.4096, 6.5536])
    config = resolve(GanConfig(batch_size=64), 256)
    assert config.r1_weight == pytest.approx(0.2048)


def test_stylegan2_sizes_by_resolution():
    for size, base, bf16_from in ((128, 16384, 0), (256, 16384, 8), (1024, 32768, 8)):
        sizes = resolve(GanConfig(), size).stylegan2
        assert (sizes.channel_base, sizes.bf16_from) == (base, bf16_from)


def test_the_label_head_counts_where_there_is_one():
    config = resolve(GanConfig(), 64)
    assert (config.stylegan2.conditioning, config.label_weight) == ("projection", 0.2)
    headless = dataclasses.replace(GanConfig().stylegan2, label_head=False)
    assert resolve(GanConfig(stylegan2=headless), 64).label_weight == 0


def test_what_is_set_stays_and_resolving_twice_changes_nothing():
    for model in ("stylegan2", "prog_gan", "cpd_gan"):
        config = GanConfig(model=model, batch_size=24, kimg=3.0, ema_decay=0.5)
        once = resolve(config, 64)
        assert resolve(once, 64) == once
        assert (once.batch_size, once.kimg, once.ema_decay) == (24, 3.0, 0.5)
    assert once.r1_weight == 0  # WGAN-GP has its own penalty
    off = {"r1_weight": 0.0, "path_weight": 0.0, "style_mixing": 0.0}
    config = resolve(GanConfig(**off), 64)
    assert {name: getattr(config, name) for name in off} == off


def test_a_growing_network_takes_one_batch_for_all_or_one_for_each():
    one = resolve(GanConfig(model="prog_gan", batch_size=16), 32)
    assert one.grown_batch_sizes == (16, 16, 16)
    each = resolve(GanConfig(model="prog_gan", grown_batch_sizes=(32, 16, 8)), 32)
    assert (each.grown_batch_sizes, each.batch_size) == ((32, 16, 8), 8)
    with pytest.raises(ConfigError, match="one positive number for each of 8, 16, 32"):
        resolve(GanConfig(model="prog_gan", grown_batch_sizes=(32, 16)), 32)
    small = dataclasses.replace(GanConfig().prog_gan, start_resolution=64)
    with pytest.raises(ConfigError, match="start_resolution=64"):
        resolve(GanConfig(model="prog_gan", prog_gan=small), 32)


def test_presets_of_weights_that_a_model_has_no_use_for_are_zero():
    config = resolve(GanConfig(model="cpd_gan"), 32)
    assert config.label_weight == config.r1_weight == config.path_weight == 0
    config = resolve(GanConfig(model="prog_gan", loss="logistic", r1_weight=0.1), 32)
    assert (config.r1_weight, config.path_weight, config.label_weight) == (0.1, 0, 1.0)
    assert resolve(GanConfig(loss="wgan_gp"), 32).r1_weight == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "wgan_gp", "r1_weight": 10.0}, "loss=wgan_gp has a gradient penalty"),
        ({"model": "prog_gan", "r1_weight": 10.0}, "loss=wgan_gp has a gradient penal"),
        ({"model": "cpd_gan", "r2_weight": 1.0}, "loss=wgan_gp has a gradient penalty"),
        ({"model": "prog_gan", "path_weight": 2.0}, "model=prog_gan has no mapping"),
        ({"model": "cpd_gan", "style_mixing": 0.9}, "model=cpd_gan has no mapping"),
        ({"model": "cpd_gan", "label_weight": 0.2}, "model=cpd_gan has no label head"),
    ],
)
def test_a_flag_is_never_overridden_in_silence(changes, message):
    *_, (name, value) = changes.items()
    expected = f"config.gan.{name}={value}: {message}.*; set config.gan.{name}=0"
    with pytest.raises(ConfigError, match=expected):
        resolve(GanConfig(**changes), 32)
    for allowed in (0.0, None if name != "r2_weight" else 0.0):
        assert getattr(resolve(GanConfig(**(changes | {name: allowed})), 32), name) == 0


def test_presets_of_the_last_release_are_still_understood(capfd):
    asked = {
        "kimg": -1.0,
        "batch_size": 0,
        "loss": "",
        "r1_weight": -1.0,
        "grown_batch_sizes": (),
        "stylegan2": {"channel_base": 0, "bf16_from": -1},
        "early_stop": {"min_kimg": -1.0, "every_kimg": -1.0, "patience": 0},
    }
    config = freeze(GanConfig, asked, "gan")
    assert config == GanConfig()
    assert "config.gan.r1_weight=-1.0: the preset is None now" in capfd.readouterr().err
    with pytest.raises(ConfigError, match="python -m launch.gan --describe"):
        freeze(GanConfig, {"describe": True}, "gan")
    assert freeze(GanConfig, {"describe": True}, "gan", saved=True) == GanConfig()


def test_what_changes_no_result_is_said_of_the_field():
    config = resolve(GanConfig(model="cpd_gan"), 32)
    silent = set(plain(config)) - {key.partition(".")[0] for key in identity(config)}
    assert silent == {
        *("keep", "checkpoint_kimg", "checkpoint_minutes", "tick_kimg", "grid_kimg"),
        *("grid_rows", "resident", "accumulate", "indicators"),
        *("stylegan2", "prog_gan"),  # not selected
    }
