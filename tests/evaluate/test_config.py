"""The section config.evaluate refuses what is out of range."""

import pytest

from synthjax.core.errors import ConfigError
from synthjax.evaluate.config import EvaluateConfig


def test_bad_config_is_named() -> None:
    with pytest.raises(ConfigError, match="level=1.5"):
        EvaluateConfig(level=1.5)
    with pytest.raises(ConfigError, match="roc_points=500"):
        EvaluateConfig(roc_points=500)
    with pytest.raises(ConfigError, match="margin=0"):
        EvaluateConfig(margin=0.0)
    with pytest.raises(ConfigError, match="replicates=1"):
        EvaluateConfig(replicates=1)
    with pytest.raises(ConfigError, match="age_bands="):
        EvaluateConfig(age_bands=(60.0, 40.0))
