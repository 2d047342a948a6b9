"""Numbers as the page writes them."""

import math
from collections.abc import Callable, Mapping
from typing import Any

MINUS = "\u2212"  # a minus sign, as wide as a digit
NONE = "\u2013"  # a dash in place of a number that is not defined
THIN = "\u202f"  # narrow space that does not break


def auroc(value: float | None) -> str:
    """Return a number from 0 to 1 with three decimals."""
    return NONE if value is None else f"{value:.3f}"


def signed(value: float | None) -> str:
    """Return three decimals with a true minus sign; zero has none."""
    if value is None:
        return NONE
    text = f"{abs(value):.3f}"
    return MINUS + text if value < 0 and float(text) else text


def plain(value: float | None) -> str:
    """Return three significant digits, at most six decimals, and never an exponent."""
    if value is None:
        return NONE
    size = abs(value)
    digits = 0 if size == 0 else 2 - math.floor(math.log10(size))
    text = f"{size:,.{min(max(digits, 0), 6)}f}"
    return MINUS + text if value < 0 and float(text.replace(",", "")) else text


def interval(
    value: Mapping[str, Any], write: Callable[[float | None], str] = signed
) -> str:
    """Return the ends of {"value", "low", "high"} as "low to high"."""
    if value["low"] is None:
        return NONE
    return f"{write(value['low'])} to {write(value['high'])}"


def with_interval(
    value: Mapping[str, Any] | None, write: Callable[[float | None], str] = signed
) -> dict[str, str]:
    """Return {"value", "interval"} of {"value", "low", "high"} as text."""
    if value is None:
        return {"value": NONE, "interval": NONE}
    return {"value": write(value["value"]), "interval": interval(value, write)}


def p_value(p: float | None) -> str:
    """Return three decimals; what they cannot show is "< 0.001"."""
    if p is None:
        return NONE
    return f"<{THIN}0.001" if p < 0.001 else f"{p:.3f}"


def percent(share: float) -> str:
    """Return a chosen share (0 to 1) as percent, such as 95 %."""
    return f"{100 * share:g}{THIN}%"


def measured_percent(share: float | None) -> str:
    """Return a measured share (0 to 1) as percent with one decimal."""
    return NONE if share is None else f"{100 * share:.1f}{THIN}%"


def as_title(name: str) -> str:
    """Return a key as words with a capital letter: synthetic_2x is Synthetic 2x."""
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]
