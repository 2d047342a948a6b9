"""What a classifier can be told: errors name the key; what is not read is known."""

import dataclasses

import pytest

from synthjax.classifier import presets
from synthjax.classifier.config import ClassifierConfig
from synthjax.core.config import freeze
from synthjax.core.errors import ConfigError


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"steps": 0}, "config.classifier.steps=0: must be at least 1"),
        ({"model": "large"}, "config.classifier.model='large'"),
        ({"arms": ("real", "fake")}, "config.classifier.arms.*must be one of real"),
        ({"arms": ()}, "config.classifier.arms.*must name some of real"),
        ({"arms": ("real", "real")}, "config.classifier.arms.*each once"),
        ({"pretrained": "a.h5"}, "config.classifier.pretrained.*the network small"),
        (
            {"small": {"width": 4}},
            "config.classifier.small.width=4: must be at least 8",
        ),
        ({"small": {"width": 12}}, "config.classifier.small.width=12"),
        ({"patience": 3}, "config.classifier.patience: there is no such key"),
    ],
)
def test_bad_config_is_named(values, message) -> None:
    with pytest.raises(ConfigError, match=message):
        freeze(ClassifierConfig, values, "classifier")


def test_sections_that_are_not_read_are_known() -> None:
    assert ClassifierConfig().unselected() == ("densenet", "plateau", "teacher")
    paper = presets.paper()
    assert paper.unselected() == ("small", "teacher")
    affects = {
        declared.name: declared.metadata["affects_result"]
        for declared in dataclasses.fields(paper)
    }
    kept = {name for name, value in affects.items() if not value}
    assert kept == {"eval_batch", "keep", "resident"}
