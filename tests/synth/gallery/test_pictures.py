"""The same latent wherever it is shown, and smooth ways between latents and labels."""

import jax.numpy as jnp
import numpy as np
import pytest

from synthjax.core.errors import StudyError
from synthjax.core.logbook import grid
from synthjax.synth.gallery.pictures import (
    Walker,
    describe_sheet,
    label_frames,
    label_grid,
    latent_frames,
    read_psis,
    slerp,
    sweep,
    truncation,
    truncations,
)
from synthjax.synth.sample import Sampler

LABELS = np.float32([[0, 0], [1, 0.5], [0, 1]])


@pytest.fixture
def draw(toy_generator, one_device):
    return Sampler(toy_generator, seed=3, bits=8, devices=one_device, batch_size=4)


@pytest.fixture
def walker(toy_generator):
    return Walker(toy_generator, seed=3)


def close(a, b):
    """Equal but for the rounding of a grey level: the batches have other shapes."""
    np.testing.assert_allclose(a.astype(int), b.astype(int), atol=1)


@pytest.mark.slow
def test_sweep_and_truncation_keep_the_latent(draw):
    swept = sweep(draw, [0, 1], name="square", steps=3, rows=2)
    assert len(swept) == 6
    np.testing.assert_array_equal(swept[3], draw([1], [[0, 1]])[0])
    np.testing.assert_array_equal(swept[5], draw([1], [[1, 1]])[0])
    truncated = truncation(draw, [0, 1], psis=[0.0, 1.0], rows=2)
    np.testing.assert_array_equal(truncated[1], swept[0])
    np.testing.assert_array_equal(truncated[2], draw([1], [[0, 1]], psi=0.0)[0])


@pytest.mark.slow
def test_a_grid_has_the_same_latents_in_every_row(draw):
    images = label_grid(draw, LABELS, count=5, psi=0.7)
    assert images.shape == (15, 16, 16, 1)
    for cell in (0, 4, 6, 13):
        label = LABELS[cell // 5][None]
        np.testing.assert_array_equal(images[cell], draw([cell % 5], label, psi=0.7)[0])


@pytest.mark.slow
def test_truncations_of_several_rows_are_below_one_another(draw):
    images = truncations(draw, LABELS, psis=[0.5, 1.0], rows=2)
    assert len(images) == 12
    block = truncation(draw, LABELS[1], psis=[0.5, 1.0], rows=2)
    np.testing.assert_array_equal(images[4:8], block)


def test_psis_are_numbers_from_0_to_2():
    assert read_psis(["0", " .5", 1.0]) == [0, 0.5, 1]
    for wrong in ("low", "-0.1", "2.1", "nan", ""):
        with pytest.raises(StudyError, match=f'psi "{wrong}": must be a number'):
            read_psis([wrong])


def test_a_sheet_is_described_row_by_row(toy_generator):
    said = describe_sheet(toy_generator, LABELS, psis=[0.7], count=5, psi_columns=False)
    assert said.splitlines() == [
        "checkpoint 7 (0.5 kimg)",
        "columns: 5 latents, psi 0.7",
        "row 1: none",
        "row 2: square,stripe=0.5",
        "row 3: stripe",
    ]
    said = describe_sheet(
        toy_generator, LABELS[:2], psis=[0, 1], count=3, psi_columns=True
    )
    assert said.splitlines()[1:] == [
        "columns: psi 0, 1",
        "rows 1 to 3: none",
        "rows 4 to 6: square,stripe=0.5",
    ]


@pytest.mark.slow
def test_slerp_against_numpy_and_its_ends():
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 6, 64)).astype(np.float32)
    share = np.float32([0, 1, 0.5, 0.25, 0.9, 0.1])
    found = np.asarray(slerp(jnp.asarray(a), jnp.asarray(b), jnp.asarray(share)))
    np.testing.assert_array_equal(found[0], a[0])
    np.testing.assert_allclose(found[1], b[1], atol=1e-6)
    for i in range(6):
        x, y, t = a[i].astype(float), b[i].astype(float), float(share[i])
        angle = np.arccos(x @ y / np.linalg.norm(x) / np.linalg.norm(y))
        weights = np.sin([(1 - t) * angle, t * angle]) / np.sin(angle)
        np.testing.assert_allclose(found[i], weights @ [x, y], atol=1e-5)
    # On the unit sphere it stays there, and halves the angle.
    units = [z / np.linalg.norm(z, axis=1, keepdims=True) for z in (a, b)]
    middle = np.asarray(slerp(*map(jnp.asarray, units), jnp.full(6, 0.5)))
    np.testing.assert_allclose(np.linalg.norm(middle, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(
        (middle * units[0]).sum(1), (middle * units[1]).sum(1), atol=1e-5
    )


@pytest.mark.slow
def test_slerp_between_parallel_latents_is_the_line():
    a = jnp.asarray([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0], [0.0, 0.0]])
    b = a * jnp.asarray([[1.0], [3.0], [-1.0], [1.0]])
    found = slerp(a, b, jnp.full(4, 0.5))
    np.testing.assert_allclose(found, [[1, 2], [2, 4], [0, 0], [0, 0]], atol=1e-6)


@pytest.mark.slow
def test_a_walk_of_latents_begins_with_the_grid_and_is_closed(draw, walker):
    frames = list(latent_frames(walker, LABELS, count=3, stops=2, steps=8, psi=0.9))
    assert len(frames) == 16
    close(frames[0], grid(label_grid(draw, LABELS, count=3, psi=0.9), 3))
    steps = np.diff(np.stack([*frames, frames[0]]).astype(int), axis=0)
    moved = np.abs(steps).mean(axis=(1, 2, 3))
    assert 0.5 < moved.min() and moved.max() < 12  # grey levels, the last step too
    # There and back on one arc: the frames mirror each other.
    for i in range(1, 8):
        close(frames[8 + i], frames[8 - i])


@pytest.mark.slow
def test_a_walk_of_labels_keeps_the_latents_and_comes_back(draw, walker):
    frames = list(label_frames(walker, LABELS, count=2, steps=4))
    rows = np.stack([row for row, _ in frames])
    assert rows.shape == (12, 2) and rows.dtype == np.float32
    np.testing.assert_allclose(rows[:5, 0], [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(rows[8:, 1], [1, 0.75, 0.5, 0.25])
    for at in (0, 3, 4, 9):
        row, sheet = frames[at]
        close(sheet, grid(label_grid(draw, row[None], count=2), 2))


@pytest.mark.slow
def test_a_frame_of_many_images_is_drawn_in_parts(draw, walker):
    label = np.tile(LABELS, (7, 1))
    index = np.arange(21)
    images = walker(index, index + 1, 0.0, index, label)
    close(images, draw(index, label))
