"""Config sections: defaults, round trip, and what is refused."""

import dataclasses
from typing import ClassVar

import pytest
from ml_collections import ConfigDict

from synthjax.core.config import Config, field, freeze, plain, section
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


@dataclasses.dataclass(frozen=True)
class Declared(Config):
    REMOVED: ClassVar[dict[str, str]] = {"describe": "use --describe"}

    rate: float | None = field(None, "a share", ge=0, lt=1, formerly=(-1.0,))
    sizes: tuple[int, ...] = field((8,), "pixels", gt=0)
    kind: str = field("a", "which", one_of=("a", "b"), renamed_from="sort")

    def check(self):
        if self.kind == "b" and self.rate:
            raise ConfigError(f"rate={self.rate}: kind=b has none")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"rate": 1.0},
            "config.gan.rate=1.0: must be at least 0 and less than 1, or None",
        ),
        ({"sizes": (8, 0)}, r"config.gan.sizes=\(8, 0\): must be more than 0"),
        ({"kind": "c"}, "config.gan.kind='c': must be one of a, b"),
        ({"kind": "b", "rate": 0.5}, "config.gan.rate=0.5: kind=b has none"),
        ({"describe": True}, "config.gan.describe is gone: use --describe"),
    ],
)
def test_declared_ranges_are_held(values, message):
    with pytest.raises(ConfigError, match=message):
        freeze(Declared, values, "gan")


def test_none_is_a_preset_that_a_flag_can_set():
    values = section(Declared)
    assert freeze(Declared, values, "gan") == Declared()
    values.rate = 0.25
    assert freeze(Declared, values, "gan") == Declared(rate=0.25)
    values.rate = None
    assert freeze(Declared, values, "gan") == Declared()
    with pytest.raises(TypeError):
        values.rate = "much"


def test_keys_and_values_of_the_last_release_are_accepted(capsys):
    old = section(Declared)
    old.sort, old.rate = "b", -1.0
    assert freeze(Declared, old, "gan") == Declared(kind="b")
    said = capsys.readouterr()
    assert "config.gan.sort is called config.gan.kind now" in said.out + said.err
    assert "config.gan.rate=-1.0: the preset is None now" in said.out + said.err


def test_what_a_run_saved_is_read_in_silence(capsys):
    saved = {"rate": -1.0, "sort": "b", "describe": False}
    assert freeze(Declared, saved, "gan", saved=True) == Declared(kind="b")
    said = capsys.readouterr()
    assert not said.out + said.err


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_a_number_that_is_not_finite_is_an_error_in_any_key(value):
    @dataclasses.dataclass(frozen=True)
    class Numbers(Config):
        rate: float = field(1.0, "any number")
        bands: tuple[float, ...] = field((1.0,), "any numbers")

    for key, given in (("rate", value), ("bands", (2.0, value))):
        with pytest.raises(ConfigError, match=rf"config\.data\.{key}=.*must be finite"):
            freeze(Numbers, {key: given}, "data")
