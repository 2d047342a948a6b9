"""results.schema.json describes every key, and numbers.csv holds every number."""

import csv
import io
from pathlib import Path

import jsonschema
import pytest

import synthjax.evaluate
from synthjax.core.files import read_json
from synthjax.report.numbers_csv import numbers_csv

SCHEMA = read_json(Path(synthjax.evaluate.__file__).parent / "results.schema.json")


@pytest.fixture(scope="module")
def validator():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator(SCHEMA)


def numbers(tree):
    if isinstance(tree, dict | list):
        for part in tree.values() if isinstance(tree, dict) else tree:
            yield from numbers(part)
    elif isinstance(tree, int | float) and not isinstance(tree, bool):
        yield tree


def test_schema_takes_results_with_and_without_every_part(
    validator, whole_study, full_study
):
    for study in (whole_study, full_study):
        validator.validate(read_json(study / "evaluate" / "results.json"))
    results = read_json(full_study / "evaluate" / "results.json")
    # Every key of the contract is in the fixture, so the page is tested with all.
    assert set(SCHEMA["properties"]) == set(results)


def test_schema_refuses_what_nobody_described(validator, full_study):
    results = read_json(full_study / "evaluate" / "results.json")
    results["primary"]["maybe"] = 1
    results["seeds"] = 2.5
    paths = {"/".join(map(str, e.path)) for e in validator.iter_errors(results)}
    assert paths == {"primary", "seeds"}


def test_every_key_of_the_schema_says_what_it_is():
    def check(node, path):
        for name, part in node.get("properties", {}).items():
            assert len(part.get("description", "")) > 3 or "$ref" in part, path + [name]
        for name, part in node.items():
            if isinstance(part, dict):
                check(part, [*path, name])

    check(SCHEMA, [])


def test_csv_holds_every_number_once(full_study):
    results = read_json(full_study / "evaluate" / "results.json")
    rows = list(csv.DictReader(io.StringIO(numbers_csv(results))))
    cells = [row[end] for row in rows for end in ("value", "low", "high") if row[end]]
    assert sorted(map(float, cells)) == sorted(map(float, numbers(results)))
    assert len({row["path"] for row in rows}) == len(rows)
    by_path = {row["path"]: row for row in rows}
    gap = by_path["utility.mean.gap"]
    assert [gap[k] for k in ("value", "low", "high", "n")] == [
        "0.0588",
        "0.0461",
        "0.0712",
        "2412",
    ]
    assert by_path["subgroups.sex=F.gap"]["n"] == "900"
    assert "utility.labels.Edema.average_precision.real" in by_path
    assert by_path["fidelity.images.ms_ssim.synthetic"]["n"] == ""
