"""Fine-tuning: what is taken of another study's networks, and what is said of it."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from synthjax.core.checkpoint import Checkpoints
from synthjax.core.errors import StudyError
from synthjax.gan.finetune import load_compatible, read_source
from synthjax.gan.networks.stylegan2 import StyleGAN2Config, make_networks
from synthjax.gan.networks.stylegan2_config import capabilities

SIZES = {
    "z_size": 4,
    "w_size": 4,
    "mapping_layers": 2,
    "label_size": 6,
    "channel_max": 4,
    "mbstd_group": 1,
}


def networks_of(resolution=8, labels=3, channel_base=64, **changes):
    config = StyleGAN2Config(**(SIZES | {"channel_base": channel_base} | changes))
    return make_networks(config, resolution=resolution, channels=1, labels=labels)


def filled(init, seed):
    """Parameters of the right shapes without compiling their initialisation."""
    random = np.random.default_rng(seed)
    shapes = jax.eval_shape(init, jax.random.key(0))
    return jax.tree.map(
        lambda x: random.normal(size=x.shape).astype(np.float32), shapes
    )


def both(networks, seed):
    return {
        "generator": filled(networks.init_generator, seed),
        "discriminator": filled(networks.init_discriminator, seed + 1),
    }


def flat(tree):
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf
        for path, leaf in leaves
    }


def toy(**shapes):
    random = np.random.default_rng(len(shapes))
    return {
        name: {"weight": random.normal(size=shape).astype(np.float32)}
        for name, shape in shapes.items()
    }


def test_every_array_is_taken_or_listed():
    into = toy(kept=(2, 3), added=(4,), label=(5, 8))
    source = toy(kept=(2, 3), dropped=(3,), label=(3, 8), other=(1,))
    tree, done = load_compatible(into, source)
    np.testing.assert_array_equal(tree["kept"]["weight"], source["kept"]["weight"])
    for name in ("added", "label"):
        np.testing.assert_array_equal(tree[name]["weight"], into[name]["weight"])
    assert jax.tree.structure(tree) == jax.tree.structure(into)
    assert done.taken == ("kept/weight",)
    assert done.new == ("added/weight",)
    assert done.unused == ("dropped/weight", "other/weight")
    assert done.other_shape == {"label/weight": ((3, 8), (5, 8))}
    assert (done.parameters_taken, done.parameters) == (6, 50)
    assert done.text().splitlines() == [
        "taken 1 of 3 arrays (12 % of the parameters)",
        "new: added",
        "unused: dropped, other",
        "other shape: label/weight (3, 8) there, (5, 8) here",
    ]


def test_the_same_architecture_is_taken_whole():
    networks = networks_of()
    into, source = both(networks, 0), both(networks, 10)
    tree, done = load_compatible(into, source)
    jax.tree.map(np.testing.assert_array_equal, tree, source)
    assert done.text() == (
        f"taken {len(flat(into))} of {len(flat(into))} arrays (100 % of the parameters)"
    )


def test_arrays_get_the_dtype_of_the_new_tree():
    source = {"a": np.arange(3, dtype=np.float64)}
    tree, _ = load_compatible({"a": jnp.zeros((3,), jnp.float32)}, source)
    assert tree["a"].dtype == np.float32


def test_nothing_that_fits_is_an_error():
    with pytest.raises(StudyError, match="no parameter .* fits .* config.gan.model"):
        load_compatible(toy(a=(2,)), toy(a=(3,)))


def test_a_layer_with_an_array_that_fits_is_listed_by_its_arrays():
    into = {"block": {"conv": {"w": np.ones(2), "b": np.ones(2)}, "skip": np.ones(3)}}
    into["head"] = {"w": np.ones(2), "b": np.ones(2)}
    source = {"block": {"conv": {"w": np.ones(2)}}, "tail": {"x": {"w": np.ones(1)}}}
    _, done = load_compatible(into, source)
    assert done.text().splitlines()[1:] == [
        "new: block/conv/b, block/skip, head",
        "unused: tail",
    ]


@pytest.mark.slow
def test_a_higher_resolution_takes_the_lower_blocks():
    """Widths are capped from 16 px down, so that the lower blocks are the same."""
    small, large = networks_of(8), networks_of(16)
    into, source = both(large, 0), both(small, 10)
    tree, done = load_compatible(into, source)
    have, old, new = flat(tree), flat(source), flat(into)
    for name in done.taken:
        np.testing.assert_array_equal(have[name], old[name])
    for name in done.new:
        np.testing.assert_array_equal(have[name], new[name])
        assert "16" in name
    assert set(done.taken) == set(old) and not done.unused and not done.other_shape
    lines = done.text().splitlines()
    assert lines[1] == (
        "new: discriminator/conv16, discriminator/conv16_down, discriminator/skip16, "
        "generator/synthesis/conv16, generator/synthesis/conv16_up, "
        "generator/synthesis/image16"
    )


@pytest.mark.slow
def test_the_image_layer_of_another_width_is_new():
    small, large = networks_of(8, channel_base=32), networks_of(16, channel_base=32)
    _, done = load_compatible(both(large, 0), both(small, 10))
    assert done.other_shape == {
        "discriminator/image/bias": ((4,), (2,)),
        "discriminator/image/conv/weight": ((1, 4), (1, 2)),
    }


@pytest.mark.slow
def test_another_number_of_labels_leaves_what_sees_them():
    into, source = both(networks_of(labels=5), 0), both(networks_of(labels=3), 10)
    tree, done = load_compatible(into, source)
    assert done.other_shape == {
        "discriminator/label/weight": ((3, 4), (5, 4)),
        "discriminator/label_logits/bias": ((3,), (5,)),
        "discriminator/label_logits/weight": ((4, 3), (4, 5)),
        "generator/mapping/label/weight": ((3, 6), (5, 6)),
    }
    assert not done.by_label and not done.new and not done.unused
    weight = into["generator"]["mapping"]["label"]["weight"]
    np.testing.assert_array_equal(tree["generator"]["mapping"]["label"]["weight"], weight)  # fmt: skip
    _, without = load_compatible(both(networks_of(labels=0), 0), source)
    assert "discriminator/projection/weight" in without.unused
    assert "generator/mapping/dense0/weight" in without.other_shape


OLD = ("edema", "fracture", "nodule")
LABEL_AXES = capabilities(StyleGAN2Config()).label_axes


@pytest.mark.slow
@pytest.mark.parametrize("conditioning", ["projection", "selected"])
@pytest.mark.parametrize(
    "names",
    [("nodule", "edema", "fracture"), ("mass", "nodule", "edema", "fracture", "gas")],
    ids=["another order", "more labels"],
)
def test_labels_in_common_mean_what_they_meant(names, conditioning):
    """Both networks answer as before where the labels in common are all that is known."""
    settings = {"conditioning": conditioning, "label_head": True}
    old_networks = networks_of(labels=3, **settings)
    new_networks = networks_of(labels=len(names), **settings)
    source = both(old_networks, 10)
    tree, done = load_compatible(
        both(new_networks, 0), source, labels=(names, OLD), label_axes=LABEL_AXES
    )
    assert not done.new and not done.unused and not done.other_shape
    assert done.shared_labels == tuple(name for name in names if name in OLD)

    random = np.random.default_rng(0)
    old_label = np.array([[0, 1, 1], [1, 0, 0], [np.nan, 0, 1]], np.float32)
    columns = [OLD.index(name) if name in OLD else 3 for name in names]
    padded = np.concatenate([old_label, np.full((3, 1), np.nan, np.float32)], axis=1)
    new_label = padded[:, columns]
    z = jnp.asarray(random.normal(size=(3, 4)), jnp.float32)
    image = jnp.asarray(random.normal(size=(3, 8, 8, 1)), jnp.float32)

    def answers(networks, params, label):
        w = networks.map(params["generator"], z, label)
        judge = networks.discriminate_with_labels
        return w, *judge(params["discriminator"], image, label)

    old = jax.jit(answers, static_argnums=0)(old_networks, source, old_label)
    new = jax.jit(answers, static_argnums=0)(new_networks, tree, new_label)
    for was, is_now in zip(old[:2], new[:2], strict=True):
        np.testing.assert_allclose(is_now, was, rtol=1e-5, atol=1e-5)
    same = [i for i, name in enumerate(names) if name in OLD]
    kept = [columns[i] for i in same]
    np.testing.assert_allclose(new[2][:, same], old[2][:, kept], rtol=1e-5, atol=1e-5)


def test_labels_of_other_names_are_not_mixed_up():
    """The same number of labels is no reason to take one finding for another."""
    into, source = toy(label=(2, 4), trunk=(3,)), toy(label=(2, 4), trunk=(3,))
    source["label"]["weight"] = source["label"]["weight"] + 10
    tree, done = load_compatible(
        into,
        source,
        labels=(("mass", "edema"), ("edema", "x")),
        label_axes=LABEL_AXES,
    )
    weight = tree["label"]["weight"]
    np.testing.assert_array_equal(weight[0], into["label"]["weight"][0])
    np.testing.assert_array_equal(weight[1], source["label"]["weight"][0])
    assert done.by_label == ("label/weight",)
    assert (done.parameters_taken, done.parameters) == (3 + 4, 3 + 8)
    assert "by label name: label/weight for labels in common: edema" in done.text()
    tree, done = load_compatible(
        into, source, labels=(("a", "b"), ("c", "d")), label_axes=LABEL_AXES
    )
    np.testing.assert_array_equal(tree["label"]["weight"], into["label"]["weight"])
    assert "labels in common: none" in done.text()


def test_label_arrays_that_differ_in_more_than_labels_are_not_taken():
    into, source = toy(label=(2, 5), trunk=(3,)), toy(label=(2, 4), trunk=(3,))
    _, done = load_compatible(
        into, source, labels=(("a", "b"), ("b", "c")), label_axes=LABEL_AXES
    )
    assert done.other_shape == {"label/weight": ((2, 4), (2, 5))}


def write_gan(folder, networks, seed=10, steps=(4, 8)):
    checkpoints = Checkpoints(folder / "checkpoints")
    for step in steps:
        params = both(networks, seed + step)
        state = params | {
            "ema": jax.tree.map(lambda x: x / 2, params["generator"]),
            "generator_optimizer": optax.adam(1e-3).init(params["generator"]),
            "step": jnp.int32(step),
        }
        meta = {
            "config": {"model": "stylegan2"},
            "labels": list(OLD),
            "resolution": networks.resolution,
            "channels": networks.channels,
            "kimg": step / 2,
        }
        checkpoints.save(step, train=state, ema=state["ema"], data={}, meta=meta)
        checkpoints.wait()
    checkpoints.close()


@pytest.mark.slow
def test_a_source_of_another_architecture_is_read_and_taken(tmp_path):
    write_gan(tmp_path, networks_of(8))
    source = read_source(tmp_path)
    assert (source.step, source.kimg, source.labels) == (8, 4.0, OLD)
    assert (source.model, source.resolution, source.channels) == ("stylegan2", 8, 1)
    saved = both(networks_of(8), 18)
    expected = saved | {"ema": jax.tree.map(lambda x: x / 2, saved["generator"])}
    jax.tree.map(np.testing.assert_array_equal, source.params, expected)
    into = both(networks_of(16), 0)
    into["ema"] = into["generator"]
    tree, done = load_compatible(into, source.params)
    assert len(done.taken) == len(flat(expected))
    assert all(math.prod(x.shape) for x in jax.tree.leaves(tree))
    earlier = read_source(tmp_path, 4)
    jax.tree.map(
        np.testing.assert_array_equal,
        earlier.params["generator"],
        both(networks_of(8), 14)["generator"],
    )


@pytest.mark.slow
def test_a_source_that_is_not_there(tmp_path):
    with pytest.raises(StudyError, match="holds no finished checkpoint .* gan direc"):
        read_source(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    write_gan(tmp_path, networks_of(8), steps=(4,))
    with pytest.raises(StudyError, match=r"no checkpoint of step 5, only \[4\]"):
        read_source(tmp_path, 5)
