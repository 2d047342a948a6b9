"""Numbers as the page writes them, and the sentence of the verdict."""

import math
from collections.abc import Callable
from typing import Any

MINUS = "\u2212"  # a minus sign, as wide as a digit
NONE = "\u2013"
THIN = "\u202f"  # narrow space that does not break


def auroc(value: float | None) -> str:
    """Three decimals, a dash where undefined."""
    return NONE if value is None else f"{value:.3f}"


def signed(value: float | None) -> str:
    """Three decimals with a true minus sign; zero carries none."""
    if value is None:
        return NONE
    text = f"{abs(value):.3f}"
    return MINUS + text if value < 0 and float(text) else text


def interval(value: dict[str, Any]) -> str:
    """Its two ends as "low to high", a dash where there is none."""
    if value["low"] is None:
        return NONE
    return f"{signed(value['low'])} to {signed(value['high'])}"


def plain(value: float | None) -> str:
    """Three significant digits and at most six decimals, never an exponent."""
    if value is None:
        return NONE
    size = abs(value)
    digits = 0 if size == 0 else 2 - math.floor(math.log10(size))
    text = f"{size:,.{min(max(digits, 0), 6)}f}"
    return MINUS + text if value < 0 and float(text.replace(",", "")) else text


def estimate(
    value: dict[str, Any] | None, write: Callable[[float | None], str] = signed
) -> dict[str, str]:
    """{"value", "interval"} of {"value", "low", "high"} as text, dashes where none."""
    if value is None:
        return {"value": NONE, "interval": NONE}
    ends = NONE
    if value["low"] is not None:
        ends = f"{write(value['low'])} to {write(value['high'])}"
    return {"value": write(value["value"]), "interval": ends}


def p_value(p: float | None) -> str:
    """Three decimals; what is smaller than they can say is "< 0.001"."""
    if p is None:
        return NONE
    return f"<{THIN}0.001" if p < 0.001 else f"{p:.3f}"


def percent(share: float) -> str:
    """A share as percent, such as 95 %."""
    return f"{100 * share:g}{THIN}%"


def prevalence(share: float | None) -> str:
    """A measured share as percent with one decimal, a dash where undefined."""
    return NONE if share is None else f"{100 * share:.1f}{THIN}%"


def title(name: str) -> str:
    """A key as words with a capital letter: synthetic_2x is Synthetic 2x."""
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]
