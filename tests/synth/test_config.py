"""What the synth section allows, and what it still understands."""

import pytest

from synthjax.core.config import freeze
from synthjax.core.errors import ConfigError
from synthjax.synth.config import SynthConfig


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": -1},
        {"label_source": "guess"},
        {"splits": ("train", "dev")},
        {"splits": ()},
        {"batch_size": 0},
        {"chunk": 0},
        {"copies_per_row": 0},
        {"psi": -0.1},
        {"psi": 2.1},
        {"seed": -1},
        {"step": -1},
    ],
)
def test_wrong_values_are_named(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        SynthConfig(**wrong)


def test_the_name_of_the_last_release_is_understood(capsys):
    config = freeze(SynthConfig, {"volumes": 3, "psi": 0.5}, "synth")
    assert (config.copies_per_row, config.psi) == (3, 0.5)
    assert "config.synth.copies_per_row now" in capsys.readouterr().err
