"""results.json as dataclasses: read and written without a change, and described."""

import math
from collections.abc import Mapping
from pathlib import Path

import jsonschema
import pytest

from synthjax.core.files import read_json, write_json
from synthjax.evaluate.results.json_form import (
    ABSENT,
    Absent,
    from_json,
    json_object,
    json_schema,
    key,
    to_json,
)
from synthjax.evaluate.results.results import (
    SCHEMA,
    read_results,
    results_schema,
    write_schema,
)
from synthjax.statistics.interval import Interval

EXAMPLE = Path(__file__).parent.parent / "report" / "results.json"


@json_object
class Inner:
    """An inner object."""

    count: int = key("how many")
    share: float | Absent = key("how much of all", default=ABSENT, ge=0, lt=1)


@json_object
class Outer:
    """An object with every kind of key."""

    name: str = key("its name", one_of=("a", "b"))
    inner: Inner = key("its own keys", inline=True)
    other: Inner | None | Absent = key("another one", default=ABSENT)
    gap: Interval = key("a gap")
    parts: tuple[Inner, ...] = key("some of them")
    rates: tuple[float, ...] = key("rates", le=1)
    by_name: Mapping[str, float] = key("numbers by name")
    note: str | None | Absent = key("a note", default=ABSENT)


TREE = {
    "name": "a",
    "count": 3,
    "share": 0.5,
    "other": None,
    "gap": {"value": 0.1, "low": None, "high": 0.2},
    "parts": [{"count": 1}, {"count": 2, "share": None}],
    "rates": [0.0, None, 1.0],
    "by_name": {"x": 1.5},
}


def test_a_tree_is_read_and_written_as_it_was():
    found = from_json(Outer, TREE)
    assert found.inner == Inner(count=3, share=0.5)
    assert found.other is None and found.note is ABSENT
    assert math.isnan(found.gap.low) and math.isnan(found.rates[1])
    assert to_json(found) == TREE
    assert list(to_json(found)) == list(TREE)  # in the order of the fields


def test_a_number_that_is_not_finite_is_null():
    made = Inner(count=1, share=math.inf)
    assert to_json(made) == {"count": 1, "share": None}


def test_other_keys_are_refused():
    with pytest.raises(ValueError, match="Outer has no key more"):
        from_json(Outer, TREE | {"more": 1})
    without = {name: part for name, part in TREE.items() if name != "name"}
    with pytest.raises(ValueError, match="Outer needs the key name"):
        from_json(Outer, without)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("name",), "c"),
        (("count",), -1),
        (("count",), 1.5),
        (("share",), 1.0),
        (("gap", "high"), "0"),
        (("parts", 1, "count"), None),
        (("rates", 0), 1.5),
        (("by_name", "x"), "y"),
        (("other",), 3),
        (("more",), 3),
    ],
)
def test_the_schema_takes_the_tree_and_refuses_what_is_not_declared(path, value):
    schema = json_schema(Outer, title="outer")
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    tree = from_json(Outer, TREE)
    validator.validate(to_json(tree))
    changed = part = to_json(tree)
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    assert not validator.is_valid(changed)


def test_the_committed_schema_is_that_of_the_dataclasses(tmp_path):
    write_schema(tmp_path / "schema.json")
    assert SCHEMA.read_bytes() == (tmp_path / "schema.json").read_bytes(), (
        "write it anew: python -c 'from synthjax.evaluate.results import results; "
        "results.write_schema()'"
    )


@pytest.mark.slow
def test_results_are_read_and_written_without_a_change(results):
    assert_unchanged(EXAMPLE)
    assert_unchanged(results[1] / "results.json")


@pytest.mark.multiprocess
def test_results_of_a_whole_study_are_read_and_written_without_a_change(
    tiny_study, tmp_path
):
    path = tiny_study / "evaluate" / "results.json"
    assert_unchanged(path)
    # Its keys keep their order too.
    write_json(tmp_path / "results.json", to_json(read_results(path)))
    assert (tmp_path / "results.json").read_bytes() == path.read_bytes()


def assert_unchanged(path):
    tree = read_json(path)
    jsonschema.Draft202012Validator(results_schema()).validate(tree)
    assert to_json(read_results(path)) == tree
