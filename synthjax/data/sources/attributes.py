"""A patient's age and sex as hospitals' tables write them."""

import math
import re

_SEXES = {"f": "F", "female": "F", "m": "M", "male": "M"}
_SEXES |= dict.fromkeys(("", "o", "other", "u", "unknown"), "")
_AGE = re.compile(r"(\d{3})([YMWD])")  # DICOM's age string, PS3.5 section 6.2
_PER_YEAR = {"Y": 1.0, "M": 12.0, "W": 365.25 / 7, "D": 365.25}
OLDEST = 130.0  # years; more is a mistake in the table


def parse_sex(text: str) -> str | None:
    """F, M or "" (unknown); None if it is none of the usual words."""
    return _SEXES.get(text.lower())


def parse_age(text: str) -> float | None:
    """Years from a number of years or DICOM's 058Y, 011M; NaN if blank.

    None if it is no such text, or no age that a person reaches.
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
    return years if math.isnan(years) or 0 <= years <= OLDEST else None
