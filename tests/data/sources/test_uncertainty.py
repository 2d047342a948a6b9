"""The policies on uncertain labels against a loop over single labels."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthjax.core.findings import CHEST
from synthjax.data.sources.attributes import parse_age, parse_sex
from synthjax.data.sources.uncertainty import (
    ReportLabelsConfig,
    parse_stated,
    resolve,
)

ONES, ZEROS = ("Edema", "Atelectasis"), ("Fracture", "Pneumonia", "No Finding")
POLICIES = [
    {"uncertainty": "ones"},
    {"uncertainty": "zeros"},
    {"uncertainty": "ignore"},
    {
        "uncertainty": "per-label",
        "uncertain_ones": ONES,
        "uncertain_zeros": ZEROS,
    },
]
CELL = st.sampled_from(["1", "1.0", "0", "0.0", "-1", "-1.0", ""])
ROWS = st.lists(st.lists(CELL, min_size=14, max_size=14), max_size=5)


def naive(name, text, policy, blanks):
    """One label, by the words of the config."""
    if text == "":
        return 0.0 if blanks == "zeros" else math.nan
    if float(text) != -1:
        return float(text)
    rule = policy["uncertainty"]
    if rule == "per-label":
        rule = "ones" if name in ONES else "zeros" if name in ZEROS else "ignore"
    return {"ones": 1.0, "zeros": 0.0, "ignore": math.nan}[rule]


@pytest.mark.slow
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("blanks", ["zeros", "unknown"])
@given(rows=ROWS, drop_empty=st.booleans())
def test_each_label_by_itself(policy, blanks, rows, drop_empty):
    config = ReportLabelsConfig(**policy, blanks=blanks, drop_empty=drop_empty)
    stated = np.array([parse_stated(row) for row in rows], np.float32).reshape(-1, 14)
    label, kept, facts = resolve(config, stated)
    truth = [
        [naive(n, t, policy, blanks) for n, t in zip(CHEST, row, strict=True)]
        for row in rows
    ]
    np.testing.assert_array_equal(label, np.reshape(truth, (-1, 14)))
    assert label.dtype == np.float32
    empty = [not any(row) or all(map(math.isnan, row)) for row in truth]
    assert list(kept) == [not (drop_empty and here) for here in empty]
    uncertain = sum(text.startswith("-") for row in rows for text in row)
    counted = ("counted as 1", "counted as 0", "unknown")
    assert uncertain == sum(facts[f"uncertain labels {way}"] for way in counted)
    assert facts["blank labels"] == sum(text == "" for row in rows for text in row)
    if drop_empty:
        left = ("all labels 0", "all labels unknown")
        assert sum(facts[f"left out: {way}"] for way in left) == sum(empty)


def test_another_cell_is_named():
    said = parse_stated(["1"] * 5 + ["2"] + [""] * 8)
    assert said == "the label 'Edema' is '2'; it must be 1, 0, -1 or blank"


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("61", 61),
        ("61.5", 61.5),
        ("058Y", 58),
        ("006M", 0.5),
        ("026W", 26 * 7 / 365.25),
        ("100D", 100 / 365.25),
        ("", math.nan),
        ("nan", math.nan),
        ("-1", None),
        ("414", None),
        ("414Y", None),
        ("58Y", None),
        ("inf", None),
        ("old", None),
    ],
)
def test_ages(text, years):
    found = parse_age(text)
    assert found == (years if years is None else pytest.approx(years, nan_ok=True))


def test_sexes():
    assert [parse_sex(text) for text in ("Female", "m", "Unknown", "", "x")] == [
        *("F", "M", "", ""),
        None,
    ]
