"""A patient's age and sex as hospitals' tables write them.

What is neither is unknown, and counted: an image is worth keeping without them.
"""

import math
import re
from collections import Counter

ODD_AGES, ODD_SEXES = "odd ages, unknown", "odd sexes, unknown"  # in a listing's facts
_SEXES = {"f": "F", "female": "F", "m": "M", "male": "M"}
_SEXES |= dict.fromkeys(("", "o", "other", "u", "unknown"), "")
_AGE = re.compile(r"(\d{3})([YMWD])")  # DICOM's age string, PS3.5 section 6.2
_PER_YEAR = {"Y": 1.0, "M": 12.0, "W": 365.25 / 7, "D": 365.25}
OLDEST = 130.0  # years; more is a mistake in the table
_IDENTIFYING, _AGGREGATE = 89.0, 90.0  # ages above the first become the second


def parse_sex(text: str) -> str | None:
    """Returns F, M or "" (unknown); None if the text is not one of the usual words."""
    return _SEXES.get(text.lower())


def parse_age(text: str) -> float | None:
    """Returns years, of a number of years or DICOM's 058Y, 011M; NaN if blank.

    Ages above 89 become 90: so few people have them that they identify (HIPAA's safe
    harbor, 45 CFR 164.514(b)(2)(i)(C)). None for any other text, or an age that no
    person reaches.
    """
    if not text:
        return math.nan
    if match := _AGE.fullmatch(text):
        years = int(match[1]) / _PER_YEAR[match[2]]
    else:
        try:
            years = float(text)
        except ValueError:
            return None
    if _IDENTIFYING < years <= OLDEST:
        return _AGGREGATE
    return years if math.isnan(years) or 0 <= years <= OLDEST else None


def known_sex(text: str, counts: Counter[str]) -> str:
    """Returns F, M or "" (unknown), and counts odd ones as ODD_SEXES."""
    sex = parse_sex(text)
    counts[ODD_SEXES] += sex is None
    return sex or ""


def known_age(text: str, counts: Counter[str]) -> float:
    """Returns years as `parse_age` or NaN, and counts odd ones as ODD_AGES."""
    age = parse_age(text)
    counts[ODD_AGES] += age is None
    return math.nan if age is None else age
