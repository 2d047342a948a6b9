"""Config sections: defaults, round trip, and what is refused."""

import dataclasses

import pytest
from ml_collections import ConfigDict

from synthjax.core.config import freeze, plain, section
from synthjax.core.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Inner:
    rate: float = 0.5  # a share
    names: tuple[str, ...] = ("a",)  # names

    def __post_init__(self):
        if not 0 <= self.rate <= 1:
            raise ConfigError(f"rate={self.rate}: must be between 0 and 1")


@dataclasses.dataclass(frozen=True)
class Outer:
    size: int = 3  # pixels
    on: bool = False  # switch
    inner: Inner = dataclasses.field(default_factory=Inner)  # the rest


def test_defaults_round_trip():
    assert freeze(Outer, section(Outer), "data") == Outer()
    assert freeze(Outer, plain(Outer(size=7)), "data") == Outer(size=7)


def test_what_a_config_dict_changes_arrives():
    values = section(Outer)
    values.size = 8
    values.inner.rate = 1  # an int where a float is declared
    values.inner.names = ("x", "y")
    frozen = freeze(Outer, values, "data")
    assert frozen == Outer(size=8, inner=Inner(1.0, ("x", "y")))
    assert isinstance(frozen.inner.rate, float)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sise": 3}, r"config.data.sise: there is no such key; .* inner, on, size"),
        ({"size": "3"}, r"config.data.size='3': must be int, got str"),
        ({"size": True}, r"config.data.size=True: must be int, got bool"),
        ({"inner": {"rate": 2.0}}, r"config.data.inner.rate=2.0: must be between 0"),
        ({"inner": {"names": "ab"}}, r"config.data.inner.names='ab': must be a tuple"),
    ],
)
def test_bad_values_are_named(values, message):
    with pytest.raises(ConfigError, match=message):
        freeze(Outer, ConfigDict(values), "data")
