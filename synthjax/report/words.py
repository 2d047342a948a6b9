"""Numbers as the page writes them, and the sentence of the verdict."""

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


def percent(share: float) -> str:
    """A share as percent, such as 95 %."""
    return f"{100 * share:g}{THIN}%"


def headline(
    gap: dict[str, Any], *, level: float, images: int, patients: int
) -> dict[str, str]:
    """The verdict as {"before", "figure", "after"}; the figure stands out.

    Args:
      gap: mean AUROC of real-trained minus synthetic-trained, {"value", "low",
        "high"}; the ends are None where there is no interval.
      level: of the interval, such as 0.95.
      images, patients: n of the real test set.
    """
    value, low, high = gap["value"], gap["low"], gap["high"]
    alone = "Trained on synthetic images alone, the classifier "
    n = f"n = {images:,} images of {patients:,} patients"
    if low is not None and high is not None and low <= 0 <= high:
        return {
            "before": f"{alone}shows a gap of ",
            "figure": f"{signed(value)} mean AUROC",
            "after": f" on real test images ({percent(level)} interval "
            f"{interval(gap)}, which includes zero; {n}): neither a loss nor equality "
            "is shown.",
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
