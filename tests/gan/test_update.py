"""What an update may contain: every loss and regulariser, parts, skips, mixing, ADA."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.gan.augment.augment import AugmentConfig
from synthjax.gan.forward import draw_styles
from synthjax.gan.labels import make_label_sampler
from synthjax.gan.losses import LOSSES
from synthjax.gan.models import MODELS, make_networks
from synthjax.gan.networks.stylegan2 import StyleGAN2Config
from synthjax.gan.presets import resolve
from synthjax.gan.schedule import phases
from synthjax.gan.state import build, enter_phase, make_optimizers, tick_means
from synthjax.gan.step import make_steps

SEED = 5
SIZES = StyleGAN2Config(
    z_size=8, w_size=8, mapping_layers=1, label_size=8, channel_base=64, label_head=True
)
# Without what moves pixels, which takes long to compile and has tests of its own.
STILL = dict.fromkeys(
    ("translate", "scale", "rotate", "stretch", "translate_fraction"), 0.0
)


def set_up(toy, config, *, networks=None, count=1, phase=None, **build_args):
    devices = make_devices(DevicesConfig(count=count))
    shape = {"resolution": toy.RESOLUTION, "channels": 1, "labels": toy.LABELS}
    networks = networks or make_networks(config, **shape)
    optimizers = make_optimizers(config)
    steps = make_steps(config, networks, optimizers, devices, SEED, phase)
    state = build(networks, optimizers, SEED, **build_args)
    if phase is not None:
        state = enter_phase(state, optimizers, phase.index)
    sampler = devices.replicate(make_label_sampler(toy.COMBINATIONS))
    batch = devices.shard(toy.toy_batch())
    return devices, steps, devices.replicate(state), batch, sampler


def update(devices, steps, state, batch, sampler):
    for step in steps.updates().values():
        state = step(state, batch, sampler)
        devices.wait(state)
    return jax.device_get(state)


def assert_close(ours, theirs):
    """Relative to the largest number of each array: 1e-5.

    A noise strength, one number that can cancel to nothing, is measured by its layer's
    bias, which sums the same terms.
    """
    named = dict(by_path(theirs))
    for path, value in by_path(ours):
        measure = np.max(np.abs(value), initial=0.0)
        if path.endswith("['noise_strength']"):
            bias = named[path.replace("noise_strength", "bias")]
            measure = max(measure, np.max(np.abs(bias)))
        worst = np.max(np.abs(value - named[path]), initial=0.0) / max(measure, 1e-6)
        assert worst < 1e-5, (path, worst)


def by_path(state):
    leaves = jax.tree_util.tree_flatten_with_path(state)[0]
    return [
        (jax.tree_util.keystr(path), np.asarray(leaf, float)) for path, leaf in leaves
    ]


def everything(toy, **changes):
    """StyleGAN2 with all that an update can have."""
    settings = {
        "stylegan2": SIZES,
        "label_weight": 0.2,
        "path_weight": 2.0,
        "style_mixing": 0.9,
        "r2_weight": 0.1,
        "balanced_rows": 0.5,
        "augment": AugmentConfig(mode="ada", p=0.4, every=1, **STILL),
    }
    return toy.toy_config(**(settings | changes))


@pytest.fixture(scope="module")
def whole(toy):
    """The state after one update with everything, on one device, in one part."""
    return update(*set_up(toy, everything(toy), augment_p=0.4))


@pytest.mark.slow
@pytest.mark.parametrize(("count", "parts"), [(1, 4), (2, 2)])
def test_parts_and_devices_change_nothing(toy, whole, count, parts):
    config = everything(toy, accumulate=parts)
    assert_close(whole, update(*set_up(toy, config, count=count, augment_p=0.4)))


@pytest.mark.slow
def test_recomputing_activations_changes_nothing(toy, whole):
    config = everything(toy, stylegan2=dataclasses.replace(SIZES, remat_from=4))
    assert_close(whole, update(*set_up(toy, config, augment_p=0.4)))


@pytest.mark.slow
def test_an_update_with_everything_is_finite_and_says_so(whole):
    means = tick_means(whole.totals)
    told = {"r1", "r2", "path_length", "label_loss_real", "augment_p", "sign_shown"}
    assert told <= set(means)
    assert all(np.isfinite(list(means.values())))
    assert int(whole.skipped) == 0
    assert float(whole.path_mean) > 0
    assert float(whole.moments["weight"]) > 0


@pytest.mark.slow
@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_every_loss_trains_the_toy(toy, loss):
    weight = 0.0 if LOSSES[loss].interpolates else 0.1
    config = toy.toy_config(loss=loss, r1_weight=weight)
    parts = set_up(toy, config, networks=toy.toy_networks())
    before = jax.device_get(parts[2])
    after = update(*parts)
    means = tick_means(after.totals)
    assert np.isfinite(means["loss_discriminator"] + means["loss_generator"])
    for name in ("generator", "discriminator"):
        moved = jax.tree.map(
            lambda a, b: np.any(a != b), getattr(before, name), getattr(after, name)
        )
        assert all(jax.tree.leaves(moved)), name
    assert ("gradient_penalty" in means) is (loss == "wgan_gp")


@pytest.mark.slow
@pytest.mark.parametrize("model", ["prog_gan", "cpd_gan"])
def test_published_models_update_alike_on_one_and_two_devices(toy, model):
    sizes = dataclasses.replace(
        MODELS[model].config(), z_size=8, channel_base=64, channel_max=8
    )
    changes = {model: sizes, "r1_weight": 0.0}
    if model == "prog_gan":
        sizes = dataclasses.replace(sizes, start_resolution=4)
        changes |= {model: sizes, "phase_kimg": 0.1, "kimg": 0.5}
    # With so large an epsilon an update is proportional to its gradient, of which
    # Adam's first otherwise has little but the sign; and with such a drift something is
    # left of a bias's where the two halves of a Wasserstein loss cancel.
    config = toy.toy_config(model=model, adam_epsilon=1.0, drift=1.0, **changes)
    run = phases(config, toy.RESOLUTION)
    assert len(run) == (3 if model == "prog_gan" else 1)
    phase = next((phase for phase in run if phase.fade_over), run[-1])
    one = update(*set_up(toy, config, phase=phase))
    assert_close(one, update(*set_up(toy, config, phase=phase, count=2)))
    assert "gradient_penalty" in tick_means(one.totals)


@pytest.mark.slow
def test_a_gradient_that_is_not_finite_is_left_out_and_counted(toy):
    _, steps, state, batch, sampler = set_up(
        toy, toy.toy_config(), networks=toy.toy_networks()
    )
    good = steps.discriminator(state, batch, sampler)
    before = jax.device_get(good)
    spoilt = good.replace(
        generator=jax.tree.map(lambda x: x.at[0].set(jnp.nan), good.generator)
    )
    after = jax.device_get(steps.discriminator(spoilt, batch, sampler))
    jax.tree.map(
        np.testing.assert_array_equal, after.discriminator, before.discriminator
    )
    jax.tree.map(
        np.testing.assert_array_equal,
        after.discriminator_optimizer,
        before.discriminator_optimizer,
    )
    assert (int(before.skipped), int(after.skipped)) == (0, 1)
    assert tick_means(after.totals) == tick_means(before.totals)
    assert int(after.images) == 32  # shown all the same


@pytest.mark.slow
def test_augmentation_follows_the_sign_of_the_real_logits(toy):
    ada = AugmentConfig(mode="ada", p=0.0, every=2, target=-0.99, kimg=0.064)
    devices, steps, state, batch, sampler = set_up(
        toy, toy.toy_config(augment=ada), networks=toy.toy_networks()
    )
    probabilities = []
    for _ in range(4):
        state = steps.generator(
            steps.discriminator(state, batch, sampler), batch, sampler
        )
        devices.wait(state)
        probabilities.append(float(state.augment_p))
    assert tick_means(state.totals)["sign_shown"] > -0.9
    # The sign is above its target: up by 32 of 64 images at every second update.
    np.testing.assert_allclose(probabilities, [0.0, 0.5, 0.5, 1.0], atol=1e-6)


@pytest.mark.slow
def test_style_mixing_swaps_late_layers_of_a_share_of_the_images(toy):
    config = toy.toy_config(stylegan2=SIZES, style_mixing=0.5)
    networks = make_networks(config, resolution=8, channels=1, labels=3)
    params = networks.init_generator(jax.random.key(0))
    keys = jax.vmap(lambda i: jax.random.fold_in(jax.random.key(1), i))(jnp.arange(400))
    label = jnp.zeros((400, 3))
    w, ws = draw_styles(networks, params, keys, label, config.style_mixing)
    own = np.all(np.asarray(ws) == np.asarray(w)[:, None], axis=2)
    np.testing.assert_array_equal(own[:, 0], True)  # the first layer is its own
    assert np.all(np.diff(own.astype(int), axis=1) <= 0)  # then, once, another's
    assert 0.4 < np.mean(own[:, -1]) < 0.6
    for layer in range(1, networks.num_ws):  # every cut is as likely
        cut = own[:, layer - 1] & ~own[:, layer]
        assert cut.mean() == pytest.approx(0.5 / (networks.num_ws - 1), abs=0.06)


@pytest.mark.slow
def test_constant_decay_averages_before_the_update(toy):
    config = toy.toy_config(ema_decay=0.9)
    _, steps, state, batch, sampler = set_up(toy, config, networks=toy.toy_networks())
    state = state.replace(ema=jax.tree.map(jnp.zeros_like, state.ema))
    before = jax.device_get(state.generator)
    after = jax.device_get(steps.generator(state, batch, sampler))
    jax.tree.map(
        lambda ema, g: np.testing.assert_allclose(ema, 0.1 * g, rtol=1e-5, atol=1e-7),
        after.ema,
        before,
    )


@pytest.mark.slow
def test_entering_a_phase_makes_the_optimizers_forget(toy):
    config = resolve(toy.toy_config(), toy.RESOLUTION)
    networks, optimizers = toy.toy_networks(), make_optimizers(config)
    state = build(networks, optimizers, SEED)
    used = state.replace(
        generator_optimizer=jax.tree.map(jnp.ones_like, state.generator_optimizer)
    )
    assert enter_phase(used, optimizers, 0) is used
    fresh = enter_phase(used, optimizers, 1)
    assert int(fresh.phase) == 1
    moments = jax.tree.leaves(fresh.generator_optimizer)
    assert all(not np.any(leaf) for leaf in moments)
