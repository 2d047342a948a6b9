"""The data card: who and what is in the real set."""

from typing import Any

from synthjax.report.formatting import measured_percent
from synthjax.report.section import SectionInputs, Values

_ASPECTS = {
    "pad": "padded with black to a square",
    "crop": "cropped to the square in the middle",
    "squash": "stretched to a square",
}


def data(inputs: SectionInputs) -> Values:
    """Return patients, images and prevalence of each split of the real set."""
    card = inputs.study.data_card()
    if card is None:
        return {"card": None}
    splits = card["splits"]
    return {
        "card": {
            "source": inputs.study.source() or "not recorded",
            "patients_named": card["patients_named"],
            "preparation": preparation(card),
            "splits": [
                {"name": name, "images": split["images"], "patients": split["patients"]}
                for name, split in splits.items()
            ],
            "rows": [
                {
                    "name": name,
                    "cells": [
                        _cell(split["labels"][name]) for split in splits.values()
                    ],
                }
                for name in card["labels"]
            ],
        }
    }


def _cell(count: dict[str, Any]) -> dict[str, Any]:
    return {
        "positive": count["positive"],
        "unknown": count.get("unknown", 0),
        "prevalence": measured_percent(count.get("prevalence")),
    }


def preparation(card: dict[str, Any]) -> list[str]:
    """Return sentences on how the images were prepared, and which of them the set has.

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
    sentences = [
        f"Images were {', '.join(steps)}, and stored with {pixels['bits']} bits."
    ]
    if pixels["window"] == "three":
        sentences.append(
            "Red, green and blue are the brain, subdural and bone windows."
        )
    elif pixels["window"] != "file":
        sentences.append(f"CT is shown in the {pixels['window']} window.")
    cohort = card["cohort"]
    if cohort:
        available = cohort["steps"][0]["images"]
        drawn = sum(split["images"] for split in card["splits"].values())
        scale = cohort["scale"]
        scaled = "" if scale == 1 else f", its numbers of images times {scale:g}"
        sentences.append(
            f"The set is the paper's cohort {cohort['cohort']} ({cohort['modality']}"
            f"{scaled}): {drawn:,} of {available:,} images."
        )
        if cohort["dropped_labels"]:
            names = ", ".join(cohort["dropped_labels"])
            sentences.append(f"Labels without a positive image were dropped: {names}.")
    left_out = card["left_out"]
    if left_out["count"]:
        kinds = ", ".join(f"{kind} {n:,}" for kind, n in left_out["kinds"].items())
        sentences.append(
            f"{left_out['count']:,} images of faulty files or rows were left out: "
            f"{kinds}."
        )
    if card.get("colour_dropped"):  # a set of an earlier release does not say it
        sentences.append(
            f"The colour of {card['colour_dropped']:,} images was dropped: the set is "
            "grey."
        )
    return sentences
