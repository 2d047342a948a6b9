"""The sections of a study as dataclasses, and the study's seed."""

import pytest

from synthjax.core.errors import ConfigError
from synthjax.sections import freeze_all, new_study


@pytest.mark.parametrize("seed", [-1, 2**31, 2**32])  # JAX takes 2**32 for 0
def test_seeds_that_draw_what_another_draws_are_refused(seed):
    with pytest.raises(ConfigError, match=rf"config\.seed={seed}: must be at least 0"):
        freeze_all(new_study(seed))
    with pytest.raises(ConfigError, match=rf"seed={seed}: must be at least 0 and at"):
        config = new_study()
        config.gan.seed = seed
        freeze_all(config)


def test_the_largest_seed_is_taken():
    assert freeze_all(new_study(2**31 - 1))["gan"].seed == 0
