"""Both networks of StyleGAN2: sizes, labels, independence, compilation."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthjax.core.errors import ConfigError
from synthjax.gan.generator import draw_noise
from synthjax.gan.labels import label_code
from synthjax.gan.networks.stylegan2 import StyleGAN2Config, make_networks
from synthjax.gan.networks.stylegan2_config import CONDITIONINGS
from synthjax.gan.regularizers import r1
from synthjax.gan.truncation import truncate

SMALL = StyleGAN2Config(
    z_size=8,
    w_size=8,
    mapping_layers=2,
    label_size=8,
    channel_base=128,
    channel_max=8,
    label_head=True,
)


@pytest.fixture(scope="module")
def networks():
    return make_networks(SMALL, resolution=8, channels=1, labels=3)


@pytest.fixture(scope="module")
def params(networks):
    generator = networks.init_generator(jax.random.key(0))
    # Noise strengths start at zero; give them weight, so that noise matters.
    generator = jax.tree_util.tree_map_with_path(
        lambda path, p: p + 0.1 if "noise_strength" in str(path) else p, generator
    )
    return generator, networks.init_discriminator(jax.random.key(1))


def draw(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


@partial(jax.jit, static_argnums=(0, 5))
def generate(networks, generator, z, label, noise, psi=1.0):
    w = truncate(
        networks.map(generator, z, label), jnp.zeros((1, networks.w_size)), psi
    )
    ws = jnp.broadcast_to(w[:, None], (len(z), networks.num_ws, networks.w_size))
    return networks.synthesize(generator, ws, noise)


@partial(jax.jit, static_argnums=0)
def judge(networks, discriminator, image, label):
    return networks.discriminate(discriminator, image, label)


def noise_for(networks, batch):
    shapes = enumerate(networks.noise_shapes)
    return tuple(draw(100 + i, batch, *shape) for i, shape in shapes)


def count(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("resolution", "base", "generator", "discriminator"),
    [
        (64, 16384, 24.1e6, 23.7e6),
        (128, 16384, 24.8e6, 24.1e6),
        (256, 16384, 25.0e6, 24.3e6),
        (256, 32768, 30.3e6, 29.1e6),
        (512, 32768, 30.5e6, 29.2e6),
        (1024, 32768, 30.6e6, 29.3e6),
    ],
)
def test_published_sizes(resolution, base, generator, discriminator):
    config = StyleGAN2Config(channel_base=base)
    nets = make_networks(config, resolution=resolution, channels=3, labels=14)
    key = jax.random.key(0)
    # Rounded to 0.1 M in the literature.
    for init, published in (
        (nets.init_generator, generator),
        (nets.init_discriminator, discriminator),
    ):
        assert count(jax.eval_shape(init, key)) == pytest.approx(published, rel=4e-3)


@pytest.mark.slow
def test_closed_form_sizes():
    nets = make_networks(SMALL, resolution=16, channels=1, labels=3)
    key = jax.random.key(0)
    generator = count(jax.eval_shape(nets.init_generator, key))
    discriminator = count(jax.eval_shape(nets.init_discriminator, key))
    c, w, y, z = 8, 8, 3, 8
    mapping = (y * 8 + 8) + ((z + 8) * w + w) + (w * w + w)
    styled = (w * c + c) + 9 * c * c + 1 + c  # style, weight, noise strength, bias
    image = (w * c + c) + c + 1
    assert generator == mapping + 16 * c + 5 * styled + 3 * image
    block = 2 * (9 * c * c + c) + c * c
    epilogue = 9 * (c + 1) * c + c + (16 * c * c + c) + (c + 1)
    heads = (y * c + c) + (c * c + c) + (c * y + y)
    assert discriminator == (c + c) + 2 * block + epilogue + heads


@pytest.mark.slow
def test_parameters_are_strongly_typed_float32(params):
    for leaf in jax.tree.leaves(params):
        assert leaf.dtype == jnp.float32
        assert not leaf.weak_type


@pytest.mark.slow
@pytest.mark.parametrize(("labels", "channels"), [(3, 1), (0, 3)])
def test_shapes(labels, channels):
    nets = make_networks(SMALL, resolution=16, channels=channels, labels=labels)
    assert nets.num_ws == 6
    assert [shape[0] for shape in nets.noise_shapes] == [4, 8, 8, 16, 16]
    generator = jax.eval_shape(nets.init_generator, jax.random.key(0))
    discriminator = jax.eval_shape(nets.init_discriminator, jax.random.key(1))
    label, noise = jnp.zeros((4, labels)), noise_for(nets, 4)
    image = jax.eval_shape(
        partial(generate, nets), generator, draw(0, 4, 8), label, noise
    )
    assert (image.shape, image.dtype) == ((4, 16, 16, channels), jnp.float32)
    both = jax.eval_shape(nets.discriminate_with_labels, discriminator, image, label)
    assert both[0].shape == (4,)
    assert both[1] is None if labels == 0 else both[1].shape == (4, labels)


@pytest.mark.slow
def test_a_generated_image_depends_on_its_own_inputs_alone(networks, params):
    z, label, noise = draw(0, 4, 8), jnp.eye(4, 3), noise_for(networks, 4)
    together = generate(networks, params[0], z, label, noise)
    own = tuple(n[2:3] for n in noise)
    alone = generate(networks, params[0], z[2:3], label[2:3], own)
    np.testing.assert_allclose(together[2], alone[0], rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_latent_label_and_each_noise_layer_matter(networks, params):
    z, label, noise = draw(0, 1, 8), jnp.zeros((1, 3)), noise_for(networks, 1)
    base = generate(networks, params[0], z, label, noise)
    assert not np.allclose(base, generate(networks, params[0], -z, label, noise))
    assert not np.allclose(base, generate(networks, params[0], z, 1 - label, noise))
    for i in range(len(noise)):
        other = noise[:i] + (-noise[i],) + noise[i + 1 :]
        changed = generate(networks, params[0], z, label, other)
        assert not np.allclose(base, changed, atol=1e-6), f"noise layer {i} is unused"


@pytest.mark.slow
def test_every_style_is_used(networks, params):
    ws, noise = draw(0, 1, networks.num_ws, 8), noise_for(networks, 1)
    gradient = jax.jit(
        jax.grad(lambda ws: jnp.sum(networks.synthesize(params[0], ws, noise) ** 2))
    )(ws)
    assert np.all(np.abs(gradient).max(axis=(0, 2)) > 0)


@pytest.mark.slow
def test_psi_zero_gives_one_image(networks, params):
    noise = tuple(jnp.repeat(n[:1], 3, 0) for n in noise_for(networks, 3))
    image = generate(networks, params[0], draw(0, 3, 8), jnp.eye(3), noise, psi=0.0)
    np.testing.assert_allclose(image[1:], image[:-1], rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("conditioning", CONDITIONINGS)
def test_an_all_zero_label_row_is_a_label_like_any_other(conditioning):
    """The opposite row, all ones, adds to the logit what this one takes away."""
    config = replace(SMALL, conditioning=conditioning)
    nets = make_networks(config, resolution=8, channels=1, labels=3)
    discriminator = nets.init_discriminator(jax.random.key(1))
    image, zero = draw(0, 4, 8, 8, 1), jnp.zeros((4, 3))
    none, all_, unknown = (
        judge(nets, discriminator, image, label)
        for label in (zero, zero + 1, zero + jnp.nan)
    )
    assert np.all(np.abs(unknown) > 1e-4)
    np.testing.assert_allclose(none - unknown, unknown - all_, rtol=1e-3, atol=1e-6)
    some = judge(nets, discriminator, image, zero.at[:, 1].set(1))
    matters = conditioning != "none"
    assert np.all((np.abs(none - unknown) > 1e-4) == matters)
    assert np.all((np.abs(none - some) > 1e-4) == matters)
    other = judge(nets, discriminator, image * 2, zero)
    assert np.all(np.abs(none - other) > 1e-4)


@pytest.mark.parametrize("conditioning", CONDITIONINGS)
def test_without_labels_every_conditioning_is_the_unconditional_logit(conditioning):
    config = replace(SMALL, conditioning=conditioning)
    nets = make_networks(config, resolution=8, channels=1, labels=0)
    tree = jax.eval_shape(nets.init_discriminator, jax.random.key(1))
    assert not {"label", "projection", "selected", "label_logits"} & set(tree)


@pytest.mark.parametrize("resolution", [8, 64, 1024])
def test_two_styles_per_resolution(resolution):
    nets = make_networks(SMALL, resolution=resolution, channels=1, labels=3)
    assert nets.num_ws == 2 * int(np.log2(resolution)) - 2
    assert len(nets.noise_shapes) == nets.num_ws - 1


@pytest.mark.slow
def test_the_two_layers_of_a_resolution_get_noise_of_their_own():
    nets = make_networks(SMALL, resolution=16, channels=1, labels=3)
    noise = draw_noise(nets, jax.random.split(jax.random.key(0), 2))
    for first, second in ((1, 2), (3, 4)):
        pair = np.stack([noise[first].ravel(), noise[second].ravel()])
        assert abs(np.corrcoef(pair)[0, 1]) < 0.3


def test_unknown_labels_lie_between_absent_and_present():
    label = jnp.asarray([[0.0, 1.0, jnp.nan]])
    np.testing.assert_array_equal(label_code(label), [[-1.0, 1.0, 0.0]])


@pytest.mark.slow
def test_bfloat16_blocks_stay_near_float32(networks, params):
    config = StyleGAN2Config(**{**SMALL.__dict__, "bf16_from": 8})
    low = make_networks(config, resolution=8, channels=1, labels=3)
    z, label, noise = draw(0, 4, 8), jnp.eye(4, 3), noise_for(networks, 4)
    full = generate(networks, params[0], z, label, noise)
    image = generate(low, params[0], z, label, noise)
    assert image.dtype == jnp.float32
    np.testing.assert_allclose(image, full, atol=0.05 * float(jnp.std(full)) + 0.05)
    logit = judge(low, params[1], full, label)
    assert logit.dtype == jnp.float32
    expected = judge(networks, params[1], full, label)
    np.testing.assert_allclose(logit, expected, atol=0.1)


@pytest.mark.slow
def test_penalised_gradient_compiles_once(networks, params):
    traces = []

    @jax.jit
    def step(discriminator, image, label):
        traces.append(None)

        def loss(discriminator):
            def logits(x):
                return networks.discriminate(discriminator, x, label)

            return jnp.mean(logits(image) + r1(logits, image))

        gradient = jax.grad(loss)(discriminator)
        return jax.tree.map(lambda p, g: p - 0.01 * g, discriminator, gradient)

    discriminator, label = params[1], jnp.eye(4, 3)
    for i in range(3):
        discriminator = step(discriminator, draw(i, 4, 8, 8, 1), label)
    assert len(traces) == 1
    assert all(np.all(np.isfinite(p)) for p in jax.tree.leaves(discriminator))


@pytest.mark.parametrize("resolution", [0, 4, 24])
def test_resolution_must_be_a_power_of_two(resolution):
    with pytest.raises(ConfigError, match="power of two"):
        make_networks(SMALL, resolution=resolution, channels=1, labels=3)


@pytest.mark.parametrize("field", ["z_size", "mapping_layers", "mbstd_group"])
def test_config_checks_ranges(field):
    with pytest.raises(ConfigError, match=f"{field}=0"):
        StyleGAN2Config(**{field: 0})


def test_conditioning_is_one_of_three():
    with pytest.raises(
        ConfigError, match="conditioning='both': .*projection, selected"
    ):
        StyleGAN2Config(conditioning="both")
