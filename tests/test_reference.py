"""The reference page of the config keys is what the code declares."""

import dataclasses
import typing
from pathlib import Path

import pytest

from launch.reference import INTRODUCTION
from synthjax.core.config import Config
from synthjax.core.config_reference import reference
from synthjax.sections import SECTIONS

PAGE = Path(__file__).parent.parent / "docs" / "config.md"


def every_config(cls):
    yield cls
    for kind in typing.get_type_hints(cls).values():
        if dataclasses.is_dataclass(kind):
            yield from every_config(kind)


def test_the_page_is_fresh():
    expected = reference(SECTIONS, INTRODUCTION)
    assert PAGE.read_text(encoding="utf-8") == expected, (
        "run python -m launch.reference --out=docs/config.md"
    )


@pytest.mark.parametrize("name", SECTIONS)
def test_every_key_says_what_it_means(name):
    for cls in every_config(SECTIONS[name]):
        assert issubclass(cls, Config), cls
        for declared in dataclasses.fields(cls):
            section = declared.default is dataclasses.MISSING
            assert section or declared.metadata["doc"], (
                f"{cls.__name__}.{declared.name}"
            )
