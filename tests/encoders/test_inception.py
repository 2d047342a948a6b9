"""The network of published Fréchet inception distances, against numpy."""

import hashlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from synthjax.core.errors import StudyError
from synthjax.encoders import EncoderConfig, make_encoder
from synthjax.encoders.inception import Inception, fid_input, read_inception

# Inception v3 as PyTorch's users have it: unit, channels in and out, rows and columns of
# its kernel. What a unit does besides is in `Forward`.
STEM = """
Conv2d_1a_3x3 3 32 3 3
Conv2d_2a_3x3 32 32 3 3
Conv2d_2b_3x3 32 64 3 3
Conv2d_3b_1x1 64 80 1 1
Conv2d_4a_3x3 80 192 3 3
"""
A = """
branch1x1 {i} 64 1 1
branch5x5_1 {i} 48 1 1
branch5x5_2 48 64 5 5
branch3x3dbl_1 {i} 64 1 1
branch3x3dbl_2 64 96 3 3
branch3x3dbl_3 96 96 3 3
branch_pool {i} {w} 1 1
"""
B = """
branch3x3 {i} 384 3 3
branch3x3dbl_1 {i} 64 1 1
branch3x3dbl_2 64 96 3 3
branch3x3dbl_3 96 96 3 3
"""
C = """
branch1x1 {i} 192 1 1
branch7x7_1 {i} {w} 1 1
branch7x7_2 {w} {w} 1 7
branch7x7_3 {w} 192 7 1
branch7x7dbl_1 {i} {w} 1 1
branch7x7dbl_2 {w} {w} 7 1
branch7x7dbl_3 {w} {w} 1 7
branch7x7dbl_4 {w} {w} 7 1
branch7x7dbl_5 {w} 192 1 7
branch_pool {i} 192 1 1
"""
D = """
branch3x3_1 {i} 192 1 1
branch3x3_2 192 320 3 3
branch7x7x3_1 {i} 192 1 1
branch7x7x3_2 192 192 1 7
branch7x7x3_3 192 192 7 1
branch7x7x3_4 192 192 3 3
"""
E = """
branch1x1 {i} 320 1 1
branch3x3_1 {i} 384 1 1
branch3x3_2a 384 384 1 3
branch3x3_2b 384 384 3 1
branch3x3dbl_1 {i} 448 1 1
branch3x3dbl_2 448 384 3 3
branch3x3dbl_3a 384 384 1 3
branch3x3dbl_3b 384 384 3 1
branch_pool {i} 192 1 1
"""
BLOCKS = {
    "Mixed_5b": (A, 192, 32),
    "Mixed_5c": (A, 256, 64),
    "Mixed_5d": (A, 288, 64),
    "Mixed_6a": (B, 288, 0),
    "Mixed_6b": (C, 768, 128),
    "Mixed_6c": (C, 768, 160),
    "Mixed_6d": (C, 768, 160),
    "Mixed_6e": (C, 768, 192),
    "Mixed_7a": (D, 768, 0),
    "Mixed_7b": (E, 1280, 0),
    "Mixed_7c": (E, 2048, 0),
}


def shapes():
    """Names and shapes of the state without heads, as PyTorch keeps it."""
    lines = [line.split() for line in STEM.split("\n") if line]
    for block, (units, channels, width) in BLOCKS.items():
        rows = units.format(i=channels, w=width).split("\n")
        lines += [f"{block}.{row}".split() for row in rows if row]
    found = {}
    for name, *numbers in lines:
        i, o, rows, columns = map(int, numbers)
        found[f"{name}.conv.weight"] = (o, i, rows, columns)
        for leaf in ("weight", "bias", "running_mean", "running_var"):
            found[f"{name}.bn.{leaf}"] = (o,)
    return found


def draw(wanted, generator):
    """Weights that keep the size of what passes."""
    found = {}
    for name, shape in wanted.items():
        value = generator.standard_normal(shape, np.float32)
        if len(shape) == 4:
            value *= np.float32((2 / np.prod(shape[1:])) ** 0.5)
        elif name.endswith(("running_var", "bn.weight")):
            value = 1 + np.abs(value) / 4
        else:
            value = value / 4
        found[name] = value
    return found


class Forward:
    """The network in numpy, float64, [channels rows columns], as the paper draws it."""

    def __init__(self, state):
        self.state = state

    def unit(self, x, name, pad=(0, 0), stride=1):
        kernel = self.state[f"{name}.conv.weight"]
        x = np.pad(x, ((0, 0), (pad[0],) * 2, (pad[1],) * 2))
        seen = sliding_window_view(x, kernel.shape[2:], (1, 2))[:, ::stride, ::stride]
        y = np.tensordot(kernel.astype("f8"), seen, ((1, 2, 3), (0, 3, 4)))
        gain, bias, mean, var = (
            self.state[f"{name}.bn.{leaf}"].astype("f8")[:, None, None]
            for leaf in ("weight", "bias", "running_mean", "running_var")
        )
        return np.maximum((y - mean) / np.sqrt(var + 1e-3) * gain + bias, 0)

    @staticmethod
    def pool(x, how, stride=1):
        """Over 3x3; those of stride 1 keep the sides, and padding counts for nothing."""
        pad = ((0, 0), (1, 1), (1, 1)) if stride == 1 else ((0, 0),) * 3
        x = np.pad(x, pad, constant_values=np.nan)
        seen = sliding_window_view(x, (3, 3), (1, 2))[:, ::stride, ::stride]
        return how(seen, axis=(3, 4))

    def chain(self, x, name, *pads):
        for number, pad in enumerate(pads, 1):
            x = self.unit(x, f"{name}_{number}", pad)
        return x

    def block(self, x, name):
        kind, unit = BLOCKS[name][0], f"{name}.branch"
        if kind in (B, D):
            pooled = self.pool(x, np.max, 2)
            if kind is B:
                double = self.chain(x, f"{unit}3x3dbl", (0, 0), (1, 1))
                first = self.unit(x, f"{unit}3x3", stride=2)
                second = self.unit(double, f"{unit}3x3dbl_3", stride=2)
            else:
                single = self.chain(x, f"{unit}3x3", (0, 0))
                long = self.chain(x, f"{unit}7x7x3", (0, 0), (0, 3), (3, 0))
                first = self.unit(single, f"{unit}3x3_2", stride=2)
                second = self.unit(long, f"{unit}7x7x3_4", stride=2)
            return np.concatenate([first, second, pooled])
        pooled = self.pool(x, np.nanmax if name == "Mixed_7c" else np.nanmean)
        parts = [self.unit(x, f"{unit}1x1")]
        if kind is A:
            parts.append(self.chain(x, f"{unit}5x5", (0, 0), (2, 2)))
            parts.append(self.chain(x, f"{unit}3x3dbl", (0, 0), (1, 1), (1, 1)))
        elif kind is C:
            across, down = (0, 3), (3, 0)
            parts.append(self.chain(x, f"{unit}7x7", (0, 0), across, down))
            pads = ((0, 0), down, across, down, across)
            parts.append(self.chain(x, f"{unit}7x7dbl", *pads))
        else:
            single = self.chain(x, f"{unit}3x3", (0, 0))
            double = self.chain(x, f"{unit}3x3dbl", (0, 0), (1, 1))
            for y, last in ((single, "3x3_2"), (double, "3x3dbl_3")):
                parts.append(self.unit(y, f"{unit}{last}a", (0, 1)))
                parts.append(self.unit(y, f"{unit}{last}b", (1, 0)))
        return np.concatenate([*parts, self.unit(pooled, f"{unit}_pool")])

    def __call__(self, image):
        x = self.unit(np.moveaxis(image.astype("f8"), 2, 0), "Conv2d_1a_3x3", stride=2)
        x = self.unit(x, "Conv2d_2a_3x3")
        x = self.pool(self.unit(x, "Conv2d_2b_3x3", (1, 1)), np.max, 2)
        x = self.unit(self.unit(x, "Conv2d_3b_1x1"), "Conv2d_4a_3x3")
        x = self.pool(x, np.max, 2)
        for name in BLOCKS:
            x = self.block(x, name)
        return x.mean((1, 2))


@pytest.fixture(scope="module")
def state():
    return draw(shapes(), np.random.default_rng(0))


@pytest.fixture(scope="module")
def weights(state, tmp_path_factory, write_safetensors):
    """A file as it is published: with counters and the head of 1008 classes."""
    counters = {
        name.replace("running_var", "num_batches_tracked"): np.array(1, np.int64)
        for name in state
        if name.endswith("running_var")
    }
    head = {
        "fc.weight": np.zeros((1008, 2048), np.float32),
        "fc.bias": np.zeros(1008, np.float32),
    }
    path = tmp_path_factory.mktemp("weights") / "inception.safetensors"
    return write_safetensors(path, state | counters | head)


@pytest.mark.slow
def test_inception_has_the_published_parameters(state):
    image = jax.ShapeDtypeStruct((1, 75, 75, 3), np.float32)
    like = jax.eval_shape(Inception().init, jax.random.key(0), image)
    counts = [
        sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(like["params"])),
        sum(a.size for name, a in state.items() if "running" not in name),
    ]
    assert counts == [21_785_568] * 2
    assert len(state) == len(jax.tree.leaves(like)) == 94 * 5


@pytest.mark.slow
def test_inception_equals_numpy_from_the_file(state, weights, capsys):
    """At 139 px the last blocks see 3x3, so that every kind of pool meets its border."""
    variables = read_inception(weights)
    said = capsys.readouterr().err
    assert hashlib.sha256(weights.read_bytes()).hexdigest() in said
    assert "inception.safetensors" in said
    assert "470 tensors; its head of 1008 classes is dropped" in said
    image = np.random.default_rng(1).uniform(-1, 1, (1, 139, 139, 3))
    image = image.astype(np.float32)
    got = np.asarray(jax.jit(Inception().apply)(variables, image))
    expected = Forward(state)(image[0])
    assert got.shape == (1, 2048)
    assert expected.std() > 0.05
    np.testing.assert_allclose(got[0], expected, atol=1e-4)


@pytest.mark.slow
def test_inception_encodes_bytes(weights):
    config = EncoderConfig("inception", str(weights))
    encoder = make_encoder(config, 8, 1)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()[:8]
    assert encoder.name == f"inception_v3 (weights {digest}), 2048d"
    pixels = np.full((1, 8, 8, 1), 200, np.uint8)
    got = np.asarray(jax.jit(encoder.encode)(encoder.params, pixels))
    assert got.shape == (1, encoder.size) == (1, 2048)
    assert np.isfinite(got).all()


def test_input_is_that_of_the_published_graph():
    """Pixel i lies at i * old / 299, between two old pixels; (byte - 128) / 128."""
    pixels = np.random.default_rng(2).integers(0, 256, (1, 512, 100, 1))
    got = np.asarray(fid_input(jnp.asarray(pixels / 127.5 - 1, jnp.float32)))

    def along(values, axis):
        n = values.shape[axis]
        place = np.arange(299) * n / 299
        low = np.floor(place).astype(int)
        part = (place - low).reshape([-1 if a == axis else 1 for a in range(2)])
        high = np.minimum(low + 1, n - 1)
        return values.take(low, axis) * (1 - part) + values.take(high, axis) * part

    expected = (along(along(pixels[0, :, :, 0], 0), 1) - 128) / 128
    for channel in range(3):
        np.testing.assert_allclose(got[0, :, :, channel], expected, atol=1e-5)


@pytest.mark.slow
def test_another_file_is_refused(state, tmp_path, write_safetensors):
    path = tmp_path / "w.safetensors"
    small = {name: np.zeros((1,), np.float32) for name in state}
    with pytest.raises(StudyError, match=r"Conv2d_1a_3x3.conv.weight has shape \(1,\)"):
        read_inception(write_safetensors(path, small))
    lost = small.pop("Mixed_6b.branch7x7_2.bn.bias")
    with pytest.raises(StudyError, match=r"lacks Mixed_6b.branch7x7_2.bn.bias; .*noth"):
        read_inception(write_safetensors(path, small))
    more = small | {"Mixed_6b.branch7x7_2.bn.bias": lost, "Mixed_8a.x.weight": lost}
    with pytest.raises(StudyError, match="lacks nothing; it has besides Mixed_8a.x.w"):
        read_inception(write_safetensors(path, more))
    for wrong in (tmp_path / "none.safetensors", tmp_path / "w.pth"):
        with pytest.raises(
            StudyError, match=r"'inception', path=.* pytorch-fid .*save"
        ):
            if wrong.suffix == ".pth":
                wrong.write_bytes(b"")
            read_inception(wrong)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("classes", "words"),
    [(1000, "1000 classes where .* 1008: these are other weights"), (0, "no head")],
)
def test_the_head_says_whose_weights_they_are(
    classes, words, tmp_path, capsys, write_safetensors
):
    """torchvision's own Inception v3 has the same names, and an auxiliary head."""
    head = {"AuxLogits.fc.bias": np.zeros(9, np.float32)}
    if classes:
        head["fc.bias"] = np.zeros(classes, np.float32)
    state = {name: np.zeros(shape, np.float16) for name, shape in shapes().items()}
    read_inception(write_safetensors(tmp_path / "w.safetensors", state | head))
    assert re.search(words, capsys.readouterr().err)
