"""The configs of a benchmark are what its flags choose."""

import itertools

import pytest

from synthjax.bench.benchmark import dtype_of
from synthjax.bench.variants import variants
from synthjax.core.errors import StudyError
from synthjax.gan.config import GanConfig
from synthjax.gan.presets import resolve


def test_variants_are_the_product_of_the_lists():
    chosen = variants(
        GanConfig(),
        32,
        ["stylegan2", "prog_gan"],
        ["64", "32"],
        ["float32", "bfloat16"],
        ["8"],
    )
    found = [(c.model, size, dtype_of(c), c.batch_size) for c, size in chosen]
    assert found == list(
        itertools.product(
            ["stylegan2", "prog_gan"], [32, 64], ["float32", "bfloat16"], [8]
        )
    )


def test_empty_lists_leave_the_config_as_it_is():
    config = GanConfig(batch_size=24, r1_weight=3.0)
    assert variants(config, 128, [], [], [], []) == [(config, 128)]


def test_another_model_has_presets_of_its_own():
    config = GanConfig(r1_weight=3.0, path_weight=2.0, label_weight=0.1, kimg=5.0)
    ((other, size),) = variants(config, 32, ["cpd_gan"], [], [], [])
    resolved = resolve(other, size)
    assert (resolved.r1_weight, resolved.path_weight, resolved.kimg) == (0, 0, 5.0)
    ((same, _),) = variants(config, 32, ["stylegan2"], [], [], [])
    assert same == config


@pytest.mark.parametrize(
    ("lists", "word"),
    [
        ((["biggan"], [], [], []), "biggan"),
        (([], ["64px"], [], []), "64px"),
        (([], [], ["float16"], []), "float16"),
        (([], [], [], ["0"]), "'0'"),
    ],
)
def test_a_word_that_is_none_of_the_choices_is_named(lists, word):
    with pytest.raises(StudyError, match=word):
        variants(GanConfig(), 32, *lists)
