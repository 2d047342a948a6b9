"""The data card: who and what is in the real set."""

from typing import Any

from synthjax.report.words import preparation, prevalence


def data_card(
    card: dict[str, Any] | None, stages: dict[str, dict[str, Any]]
) -> dict[str, Any] | None:
    """Patients, images and prevalence of each split of the real set.

    Args:
      card: splits.json of the data stage, or None.
      stages: stage.json of each stage.
    """
    if card is None:
        return None
    splits = card["splits"]
    rows = []
    for name in card["labels"]:
        cells = []
        for split in splits.values():
            count = split["labels"][name]
            cells.append(
                {
                    "positive": count["positive"],
                    "unknown": count.get("unknown", 0),
                    "prevalence": prevalence(count.get("prevalence")),
                }
            )
        rows.append({"name": name, "cells": cells})
    source = stages.get("data", {}).get("config", {}).get("source")
    return {
        "source": source or "not recorded",
        "name": str(source or "Study").replace("_", " ").capitalize(),
        "simulated": str(source).startswith("phantom"),
        "patients_named": card["patients_named"],
        "preparation": preparation(card),
        "splits": [
            {"name": name, "images": split["images"], "patients": split["patients"]}
            for name, split in splits.items()
        ],
        "rows": rows,
    }
