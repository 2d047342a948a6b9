"""Whether both classifiers look at the same places of an image."""

from typing import Any

from synthjax.report.formatting import as_title, signed, with_interval
from synthjax.report.section import SectionInputs, Values
from synthjax.report.sections.picture_groups import picture_groups


def attribution(inputs: SectionInputs) -> Values:
    """Return the agreement of both classifiers' maps, in numbers and in pictures."""
    stored = inputs.results["attribution"]
    rows = [_agreement(as_title(stored["method"]), stored)]
    for method in ("occlusion", "integrated_gradients"):
        if stored.get(method):
            rows.append(_agreement(as_title(method), stored[method]))
    return {
        "method": stored["method"].replace("_", " "),
        "n": stored["n"],
        "first": rows[0],
        "rows": rows,
        "labels": [
            {"name": label["name"], "n": label["n"]}
            | {key: signed(label.get(key)) for key in ("agreement", "control")}
            for label in stored["labels"]
        ],
        "groups": picture_groups(inputs, stored.get("sheet"), "attribution"),
    }


def _agreement(name: str, stored: dict[str, Any]) -> dict[str, Any]:
    both = {key: with_interval(stored.get(key)) for key in ("agreement", "control")}
    return {"name": name, **both}
