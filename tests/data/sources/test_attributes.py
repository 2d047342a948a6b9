"""Ages and sexes are what the text says, or unknown and counted."""

import math
from collections import Counter

import pytest

from synthjax.data.sources.attributes import (
    ODD_AGES,
    ODD_SEXES,
    known_age,
    known_sex,
    parse_age,
)


@pytest.mark.parametrize(
    ("text", "years"),
    [
        *(("89", 89.0), ("89.5", 90.0), ("90", 90.0), ("104", 90.0), ("130", 90.0)),
        *(("089Y", 89.0), ("095Y", 90.0), ("006M", 0.5), ("0", 0.0)),
        *(("131", None), ("-1", None), ("old", None), ("inf", None)),
    ],
)
def test_ages_above_89_are_one_group(text, years):
    assert parse_age(text) == years


def test_what_is_no_age_or_sex_is_unknown_and_counted():
    counts = Counter()
    ages = [known_age(text, counts) for text in ("12", "", "old", "131")]
    assert ages[0] == 12 and all(map(math.isnan, ages[1:]))
    sexes = [known_sex(text, counts) for text in ("Female", "m", "", "Unknown", "X")]
    assert sexes == ["F", "M", "", "", ""]
    assert counts == {ODD_AGES: 2, ODD_SEXES: 1}
