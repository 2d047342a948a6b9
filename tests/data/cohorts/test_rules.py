"""The constants of the paper's cohorts, and which cohorts there are."""

import pytest

from builders.cohorts import CLASSES, SAMPLES
from synthjax.core.errors import ConfigError
from synthjax.data.cohorts import (
    check_cohort,
    parse_cohort,
)
from synthjax.data.cohorts.rules import RULES


def test_the_table_is_the_papers():
    for modality, rules in RULES.items():
        assert dict(rules.classes) == CLASSES[modality]
        assert list(rules.samples) == SAMPLES[modality]
    totals = [k * n for k, n in RULES["chest"].classes.items()]
    assert totals == [29000, 24000, 20000, 13800, 15600, 12600]
    totals = [k * n for k, n in RULES["brain"].classes.items()]
    assert totals == [25000, 24960, 25020, 25000, 25000]
    chest, brain = RULES["chest"], RULES["brain"]
    assert (chest.limit, chest.samples_limit, brain.limit) == (256, 7400, 110)
    assert (chest.valid, chest.test, brain.valid, brain.test) == (4000,) * 4
    assert (chest.classes_valid, chest.classes_test) == (190, 170)
    assert (brain.classes_valid, brain.classes_test) == (300, 200)
    assert (chest.samples_valid, chest.samples_test) == (750, 750)
    assert (brain.samples_valid, brain.samples_test) == (500, 500)
    assert brain.no_finding == 107365
    assert chest.scaled(1.0) == chest


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("", ("", 0)),
        ("resolution", ("resolution", 0)),
        ("classes:10", ("classes", 10)),
        ("samples:500", ("samples", 500)),
    ],
)
def test_parsed(text, parsed):
    assert parse_cohort(text) == parsed


@pytest.mark.parametrize(
    "text", ["classes", "classes:", "samples:-1", "samples:²", "resolution:4", "all:3"]
)
def test_other_forms_are_refused_with_the_forms_there_are(text):
    with pytest.raises(ConfigError, match=r"resolution, classes:K.*samples:N"):
        parse_cohort(text)


@pytest.mark.parametrize(
    ("cohort", "modality", "scale", "message"),
    [
        ("classes:8", "chest", 1.0, "are 20, 15, 10, 6, 4, 2"),
        ("classes:20", "brain", 1.0, "are 10, 8, 6, 4, 2"),
        ("samples:0", "chest", 1.0, "must be 1 to 5950.*5950, 4500, 3000, 1500"),
        ("samples:5401", "brain", 1.0, "must be 1 to 5400"),
        ("resolution", "knee", 1.0, "must be one of chest, brain"),
        ("resolution", "chest", 0.0, "cohort_scale=0.0: must be more than 0"),
        ("resolution", "chest", float("nan"), "cohort_scale=nan"),
    ],
)
def test_values_without_a_rule_are_refused(cohort, modality, scale, message):
    with pytest.raises(ConfigError, match=message):
        check_cohort(cohort, modality, scale)
    assert check_cohort("samples:321", "brain") == ("samples", 321)
