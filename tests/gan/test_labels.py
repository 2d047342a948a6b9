"""Label rows: their code, and how the synthetic images' rows are drawn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthjax.core import rng
from synthjax.gan.labels import draw_labels, label_code, make_label_sampler

ROWS = np.array(
    [[0, 0, 0, 0]] * 6 + [[1, 0, 0, 0]] * 3 + [[0, 1, np.nan, 0]], np.float32
)


def keys_of(count):
    return jax.vmap(lambda i: jax.random.fold_in(rng.key(1, "x"), i))(jnp.arange(count))


def draw(balanced, count=4000, rows=ROWS):
    on_device = jax.tree.map(jnp.asarray, make_label_sampler(rows))
    return np.asarray(draw_labels(keys_of(count), on_device, balanced))


def test_code_tells_present_absent_and_unknown():
    code = label_code(jnp.array([[1.0, 0.0, jnp.nan, 0.5]]))
    np.testing.assert_array_equal(code, [[1.0, -1.0, 0.0, 0.0]])


@pytest.mark.slow
def test_rows_are_drawn_whole_and_at_their_frequencies():
    drawn = draw(0.0)
    np.testing.assert_allclose((drawn[:, 0] == 1).mean(), 0.3, atol=0.03)
    np.testing.assert_allclose((drawn[:, 1] == 1).mean(), 0.1, atol=0.02)
    assert np.isnan(drawn[drawn[:, 1] == 1, 2]).all()  # as they occur together


@pytest.mark.slow
def test_balanced_rows_give_each_finding_its_share():
    drawn = draw(1.0)
    np.testing.assert_allclose((drawn[:, 0] == 1).mean(), 0.5, atol=0.03)
    np.testing.assert_allclose((drawn[:, 1] == 1).mean(), 0.5, atol=0.03)


def test_a_mix_of_both():
    drawn = draw(0.5)
    np.testing.assert_allclose((drawn[:, 1] == 1).mean(), 0.3, atol=0.03)


@pytest.mark.slow
def test_a_draw_belongs_to_its_key_alone():
    np.testing.assert_array_equal(draw(0.5, 64)[:8], draw(0.5, 8))


@pytest.mark.slow
def test_without_a_positive_or_without_labels_rows_are_uniform():
    none = np.zeros((5, 2), np.float32)
    np.testing.assert_allclose(make_label_sampler(none).cumulative, np.arange(1, 6) / 5)
    assert draw(1.0, 16, none).shape == (16, 2)
    assert draw(1.0, 16, np.zeros((5, 0), np.float32)).shape == (16, 0)
