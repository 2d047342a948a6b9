"""StyleGAN2 against its published equations, written again in numpy (float64)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthjax.gan.networks.layers import Conv, Dense, minibatch_stddev, modulated_conv
from synthjax.gan.networks.stylegan2 import StyleGAN2Config, make_networks

CLAMP = 2.0
SIZES = {
    "z_size": 7,
    "w_size": 6,
    "mapping_layers": 2,
    "label_size": 5,
    "channel_base": 64,
    "channel_max": 8,
    "conv_clamp": CLAMP,
    "label_head": True,
}
RESOLUTION, CHANNELS, LABELS = 16, 2, 3
LABEL = np.array([[0, 0, 0], [1, 0, 1], [np.nan, 1, 0], [1, 1, 1]], np.float32)


def draw(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def close(value, expected):
    scale = np.abs(expected).max()
    np.testing.assert_allclose(np.asarray(value) / scale, expected / scale, atol=1e-5)


def activate(x, clamp=np.inf):
    return np.clip(np.where(x > 0, x, 0.2 * x) * np.sqrt(2), -clamp, clamp)


def dense(x, p, rate=1.0):
    return x @ (p["weight"] * rate / np.sqrt(x.shape[-1])) + p["bias"] * rate


def fir(x, before, after):
    """[1, 3, 3, 1] in both directions, of unit sum, on a padded image."""
    taps = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64
    x = np.pad(x, ((0, 0), (before, after), (before, after), (0, 0)))
    h, w = x.shape[1] - 3, x.shape[2] - 3
    return sum(
        taps[i, j] * x[:, i : i + h, j : j + w] for i in range(4) for j in range(4)
    )


def upsample(x):
    b, h, w, c = x.shape
    wide = np.zeros((b, 2 * h, 2 * w, c))
    wide[:, ::2, ::2] = x
    return 4 * fir(wide, 2, 1)


def downsample(x):
    return fir(x, 1, 1)[:, ::2, ::2]


def convolve(x, weight, step=1):
    """Cross-correlation of the valid region, every `step`-th position."""
    size = (x.shape[1] - 3) // step + 1
    span = step * size
    return sum(
        x[:, i : i + span : step, j : j + span : step] @ weight[i, j]
        for i in range(3)
        for j in range(3)
    )


def convolve_same(x, weight):
    return convolve(np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), weight)


def convolve_up(x, weight):
    """Every pixel spreads the 3x3 weights at twice the distance; then the filter."""
    b, h, w, _ = x.shape
    y = np.zeros((b, 2 * h + 1, 2 * w + 1, weight.shape[-1]))
    for i in range(3):
        for j in range(3):
            y[:, i : i + 2 * h : 2, j : j + 2 * w : 2] += x @ weight[i, j]
    return 4 * fir(y, 1, 1)


def modulated(x, weight, style, up):
    """Equations 1 and 3: each sample by weights of its own."""
    samples = []
    for image, s in zip(x, style, strict=True):
        own = weight * s[:, None]
        own = own / np.sqrt(np.sum(own**2, axis=(0, 1, 2)) + 1e-8)
        samples.append((convolve_up if up else convolve_same)(image[None], own)[0])
    return np.stack(samples)


def stddev(x, group):
    """The sample's group's mean standard deviation as one more channel."""
    planes = []
    for start in range(0, len(x), group):
        part = x[start : start + group]
        spread = np.sqrt(np.mean((part - part.mean(0)) ** 2, 0) + 1e-8).mean()
        planes.append(np.full((len(part), *x.shape[1:3], 1), spread))
    return np.concatenate([x, np.concatenate(planes)], axis=-1)


def unit(x):
    return x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + 1e-8)


def code(label):
    return np.where(np.isnan(label), 0.0, 2.0 * label - 1)


def map_latents(params, z, label):
    x = np.concatenate([unit(z), unit(dense(code(label), params["label"]))], axis=-1)
    for i in range(SIZES["mapping_layers"]):
        x = activate(dense(x, params[f"dense{i}"], rate=0.01))
    return x


def synthesize(params, ws, noise):
    x, image, layer = np.stack([params["constant"]] * len(ws)), 0.0, 0
    for side in (4, 8, 16):
        for name in (f"conv{side}_up", f"conv{side}")[side == 4 :]:
            p, up = params[name], name.endswith("_up")
            weight = p["weight"] / np.sqrt(9 * x.shape[-1])
            x = modulated(x, weight, dense(ws[:, layer], p["style"]), up)
            x = x + p["noise_strength"] * noise[layer] + p["bias"]
            x, layer = activate(x, CLAMP), layer + 1
        p = params[f"image{side}"]
        style = dense(ws[:, layer], p["style"])
        weight = p["weight"] / np.sqrt(x.shape[-1])
        y = np.einsum("bhwc,bc,ck->bhwk", x, style, weight) + p["bias"]
        y = np.clip(y, -CLAMP, CLAMP)
        image = y if side == 4 else upsample(image) + y
    return image


def layer(x, p, down=False):
    weight = p["weight"] / np.sqrt(9 * x.shape[-1])
    x = convolve(fir(x, 2, 2), weight, 2) if down else convolve_same(x, weight)
    return activate(x + p["bias"], CLAMP)


def discriminate(params, image, label, conditioning):
    p = params["image"]
    x = image @ (p["conv"]["weight"] / np.sqrt(CHANNELS)) + p["bias"]
    x = activate(x, CLAMP)
    for side in (16, 8):
        skip = params[f"skip{side}"]["weight"] / np.sqrt(x.shape[-1])
        y = layer(layer(x, params[f"conv{side}"]), params[f"conv{side}_down"], True)
        x = (downsample(x) @ skip + y) / np.sqrt(2)
    x = layer(stddev(x, 4), params["conv4"])
    x = activate(dense(x.reshape(len(x), -1), params["dense"]))
    logit, c = dense(x, params["logit"])[:, 0], code(label)
    if conditioning == "projection":
        pair = dense(c, params["label"]) * dense(x, params["projection"])
        logit = logit + pair.sum(-1) / np.sqrt(x.shape[-1])
    elif conditioning == "selected":
        logit = logit + (dense(x, params["selected"]) * c).sum(-1) / np.sqrt(LABELS)
    return logit, dense(x, params["label_logits"])


def shaken(params):
    """Parameters away from their initial zeros, and a float64 copy."""
    leaves, tree = jax.tree.flatten(params)
    moved = [x + 0.2 * draw(i, *x.shape) for i, x in enumerate(leaves)]
    params = jax.tree.unflatten(tree, moved)
    return params, jax.tree.map(lambda x: np.asarray(x, np.float64), params)


@pytest.mark.parametrize("up", [False, True])
def test_modulated_convolution(up):
    x, weight, style = draw(0, 3, 5, 5, 4), draw(1, 3, 3, 4, 6), draw(2, 3, 4)
    expected = modulated(*(a.astype(np.float64) for a in (x, weight, style)), up)
    close(
        jax.jit(modulated_conv, static_argnames="up")(x, weight, style, up=up), expected
    )


@pytest.mark.slow
@pytest.mark.parametrize("group", [2, 4, 8])
def test_minibatch_standard_deviation(group):
    x = draw(0, 8, 3, 3, 5)
    close(minibatch_stddev(jnp.asarray(x), group), stddev(x.astype(np.float64), group))


@pytest.mark.slow
@pytest.mark.parametrize("down", [False, True])
def test_equalised_convolution(down):
    x, conv = draw(0, 2, 6, 6, 3), Conv(4, down=down, clamp=CLAMP)
    params, exact = shaken(conv.init(jax.random.key(0), jnp.asarray(x))["params"])
    expected = layer(x.astype(np.float64), exact, down)
    close(jax.jit(conv.apply)({"params": params}, jnp.asarray(x)), expected)


@pytest.mark.parametrize("rate", [1.0, 0.01])
def test_equalised_dense(rate):
    x, module = draw(0, 4, 6), Dense(5, lr_multiplier=rate, bias_init=1.0)
    params = module.init(jax.random.key(0), jnp.asarray(x))["params"]
    # Stored large where the rate is low, so that the layer starts alike.
    np.testing.assert_allclose(params["bias"], 1 / rate, rtol=1e-6)
    params, exact = shaken(params)
    value = module.apply({"params": params}, jnp.asarray(x))
    close(value, dense(x.astype(np.float64), exact, rate))


@pytest.mark.slow
def test_whole_generator():
    nets = make_networks(
        StyleGAN2Config(**SIZES),
        resolution=RESOLUTION,
        channels=CHANNELS,
        labels=LABELS,
    )
    params, exact = shaken(nets.init_generator(jax.random.key(0)))
    z = draw(1, 4, SIZES["z_size"])
    w = jax.jit(nets.map)(params, z, LABEL)
    close(w, map_latents(exact["mapping"], z.astype(np.float64), LABEL))
    ws = draw(2, 4, nets.num_ws, SIZES["w_size"])
    noise = tuple(draw(3 + i, 4, *shape) for i, shape in enumerate(nets.noise_shapes))
    image = jax.jit(nets.synthesize)(params, ws, noise)
    exact_noise = [n.astype(np.float64) for n in noise]
    close(image, synthesize(exact["synthesis"], ws.astype(np.float64), exact_noise))


@pytest.mark.slow
@pytest.mark.parametrize("conditioning", ["projection", "selected", "none"])
def test_whole_discriminator(conditioning):
    nets = make_networks(
        StyleGAN2Config(**SIZES, conditioning=conditioning),
        resolution=RESOLUTION,
        channels=CHANNELS,
        labels=LABELS,
    )
    params, exact = shaken(nets.init_discriminator(jax.random.key(0)))
    image = draw(1, 4, RESOLUTION, RESOLUTION, CHANNELS)
    value = jax.jit(nets.discriminate_with_labels)(params, image, LABEL)
    expected = discriminate(exact, image.astype(np.float64), LABEL, conditioning)
    for ours, theirs in zip(value, expected, strict=True):
        close(ours, theirs)
