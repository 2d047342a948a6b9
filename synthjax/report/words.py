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


def headline(
    gap: dict[str, Any],
    *,
    level: float,
    images: int,
    patients: int,
    noninferior: bool = False,
) -> dict[str, str]:
    """The verdict as {"before", "figure", "after"}; the figure stands out.

    Args:
      gap: mean AUROC of real-trained minus synthetic-trained, {"value", "low",
        "high"}; the ends are None where there is no interval.
      level: of the interval, such as 0.95.
      images, patients: n of the real test set.
      noninferior: whether the loss is shown to be within its margin.
    """
    value, low, high = gap["value"], gap["low"], gap["high"]
    alone = "Trained on synthetic images alone, the classifier "
    n = f"n = {images:,} images of {patients:,} patients"
    if low is not None and high is not None and low <= 0 <= high:
        return {
            "before": f"{alone}shows a gap of ",
            "figure": f"{signed(value)} mean AUROC",
            "after": f" on real test images ({percent(level)} interval "
            f"{interval(gap)}, which includes zero; {n})"
            + ("." if noninferior else ": neither a loss nor equality is shown."),
        }
    range_ = "no interval"
    if low is not None and high is not None:
        ends = sorted((abs(low), abs(high)))
        range_ = f"{percent(level)} interval {ends[0]:.3f} to {ends[1]:.3f}"
    return {
        "before": f"{alone}{'loses' if value >= 0 else 'gains'} ",
        "figure": f"{abs(value):.3f} mean AUROC",
        "after": f" on real test images ({range_}; {n}).",
    }


def against_margin(primary: dict[str, Any] | None) -> dict[str, Any] | None:
    """Whether the loss is shown to be within the margin, and how sure that is.

    Args:
      primary: of results.json; None where it is missing.
    """
    if primary is None:
        return None
    margin, shown = f"{primary['margin']:g}", bool(primary["noninferior"])
    p = p_value(primary["p_noninferior"])
    sure = f"p {p}" if p.startswith("<") else f"p = {p}"
    return {
        "shown": shown,
        "figure": f"{'Within' if shown else 'Not shown to be within'} the margin of "
        f"{margin}",
        "after": f" (non-inferiority test of the {primary['endpoint']}, one-sided {sure})."
        f" The margin is the loss that was called acceptable before the run.",
    }


_ASPECTS = {
    "pad": "padded with black to a square",
    "crop": "cropped to the square in the middle",
    "squash": "stretched to a square",
}


def preparation(card: dict[str, Any]) -> list[str]:
    """What was done to the images of a set, and which of them it has: sentences.

    Args:
      card: splits.json of the data stage.
    """
    pixels = card["pixels"]
    size, base = pixels["resolution"], pixels["pyramid_from"] or pixels["resolution"]
    steps = [_ASPECTS[pixels["aspect"]], f"resized to {base} px with antialiasing"]
    if pixels["normalise"] == "maximum":
        steps.append("divided by their largest value")
    if base > size:
        steps.append(f"averaged over squares to {size} px")
    told = [f"Images were {', '.join(steps)}, and kept with {pixels['bits']} bits."]
    if pixels["window"] == "three":
        told.append("Red, green and blue are the brain, subdural and bone windows.")
    elif pixels["window"] != "file":
        told.append(f"CT is shown in the {pixels['window']} window.")
    cohort = card["cohort"]
    if cohort:
        given = cohort["steps"][0]["images"]
        drawn = sum(split["images"] for split in card["splits"].values())
        scale = cohort["scale"]
        scaled = "" if scale == 1 else f", its numbers of images times {scale:g}"
        told.append(
            f"They are the paper's cohort {cohort['cohort']} ({cohort['modality']}"
            f"{scaled}): {drawn:,} of {given:,} images."
        )
        if cohort["dropped_labels"]:
            names = ", ".join(cohort["dropped_labels"])
            told.append(f"Labels without a positive image were dropped: {names}.")
    left_out = card["left_out"]
    if left_out["count"]:
        kinds = ", ".join(f"{kind} {n:,}" for kind, n in left_out["kinds"].items())
        told.append(
            f"{left_out['count']:,} images of faulty files or rows were left out: "
            f"{kinds}."
        )
    return told
