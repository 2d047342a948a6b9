"""The run's own numbers under the seven headings of a published scorecard.

The headings are those of Zamzmi et al. 2025, Scorecard for synthetic medical data
evaluation (Communications Engineering 4:130).
"""

from typing import Any

from synthjax.report.formatting import (
    auroc,
    measured_percent,
    plain,
    signed,
    with_interval,
)
from synthjax.report.section import SectionInputs, Values
from synthjax.report.sections.fidelity import find_metric, metric_title
from synthjax.report.sections.verdict import mean_gap, no_claim

NOT_MEASURED = "not measured"
Cell = tuple[str, str | None, str]  # what, its number, the section that shows it


def scorecard(inputs: SectionInputs) -> Values:
    """Return seven headings, each with what it asks and the numbers that answer."""
    results, study = inputs.results, inputs.study
    card, origin = study.data_card(), study.provenance()
    seven: list[tuple[str, str, list[Cell]]] = [
        (
            "Congruence",
            "Are synthetic images distributed like real ones?",
            [_metric(inputs, "frechet"), _metric(inputs, "kid"), _gap(results)],
        ),
        (
            "Coverage",
            "Do they show the whole variety of real ones?",
            [_metric(inputs, name) for name in ("recall", "coverage", "ms_ssim")],
        ),
        (
            "Constraint",
            "Are they consistent with their labels and with anatomy?",
            [
                _labels(results),
                ("Anatomical plausibility, judged by readers", None, ""),
            ],
        ),
        (
            "Completeness",
            "Does the set have all that a user needs?",
            [_findings(results), _size(origin)],
        ),
        (
            "Compliance",
            "Are patients and rules respected?",
            [_close(results), _patients(card), ("Membership inference", None, "")],
        ),
        (
            "Comprehension",
            "Can a user see how the set was made and what it shows?",
            [_generator(origin), _attribution(results)],
        ),
        (
            "Consistency",
            "Does the result hold across trainings and patient groups?",
            [_seeds(results), _groups(results)],
        ),
    ]
    return {
        "criteria": [
            {
                "heading": heading,
                "question": question,
                "cells": [_cell(*cell) for cell in cells],
            }
            for heading, question, cells in seven
        ]
    }


def _cell(what: str, value: str | None, section: str) -> dict[str, Any]:
    return {
        "what": what,
        "value": value or NOT_MEASURED,
        "measured": bool(value),
        "section": section if value else "",
    }


def _metric(inputs: SectionInputs, name: str) -> Cell:
    metric = find_metric(inputs, name)
    if metric is None:
        return metric_title(name, inputs.metrics), None, ""
    value = plain(metric["synthetic"]["value"])
    baseline = metric.get("floor")
    beside = f" (real–real baseline {plain(baseline['value'])})" if baseline else ""
    return metric["called"], value + beside, "fidelity"


def _gap(results: dict[str, Any]) -> Cell:
    gap, primary = with_interval(mean_gap(results)), results.get("primary") or {}
    beside = f"; no verdict: {primary['outcome']}" if no_claim(primary) else ""
    value = f"{gap['value']} ({gap['interval']}){beside}"
    return "Mean AUROC gap", value, "verdict"


def _labels(results: dict[str, Any]) -> Cell:
    what, found = "Label fidelity, mean AUROC", results.get("label_fidelity")
    return what, auroc(found["mean"]["value"]) if found else None, "label-fidelity"


def _findings(results: dict[str, Any]) -> Cell:
    labels = results["utility"]["labels"]
    defined = sum(row["gap"] is not None for row in labels)
    return "Findings with a result", f"{defined} of {len(labels)}", "findings"


def _size(origin: dict[str, Any] | None) -> Cell:
    counts = (origin or {}).get("counts") or {}
    total = sum(split["images"] for split in counts.values())
    return "Synthetic images", f"{total:,}" if total else None, "record"


def _close(results: dict[str, Any]) -> Cell:
    what = "Nearer to a training image than 99 of 100 real test images are"
    found = results.get("neighbours")
    if not found or found["closer_than_real_1pct"]["value"] is None:
        return what, None, ""
    share = measured_percent(found["closer_than_real_1pct"]["value"])
    return what, f"{share} of synthetic images", "neighbours"


def _patients(card: dict[str, Any] | None) -> Cell:
    what = "Patients in two splits"
    named = card is not None and card["patients_named"]
    return what, "0" if named else None, "data"


def _generator(origin: dict[str, Any] | None) -> Cell:
    what, generator = "Generator on record", (origin or {}).get("generator")
    if not generator:
        return what, None, ""
    return what, f"trained for {generator['kimg']:g} kimg", "record"


def _attribution(results: dict[str, Any]) -> Cell:
    what, found = "Both classifiers look at the same place", results.get("attribution")
    if not found:
        return what, None, ""
    value = signed(found["agreement"]["value"])
    control = found.get("control")
    beside = f" (two real-trained ones {signed(control['value'])})" if control else ""
    return what, f"agreement {value}{beside}", "attribution"


def _seeds(results: dict[str, Any]) -> Cell:
    what = "Standard deviation of the gap by synthetic training seed"
    variance = (results.get("primary") or {}).get("variance") or {}
    seeds = variance.get("seeds_synthetic")
    return what, None if seeds is None else f"{max(seeds, 0.0) ** 0.5:.4f}", "verdict"


def _groups(results: dict[str, Any]) -> Cell:
    what = "Smallest and largest gap of a subgroup"
    gaps = [
        group["gap"]["value"]
        for group in results.get("subgroups") or []
        if group.get("gap")
    ]
    if not gaps:
        return what, None, ""
    return what, f"{signed(min(gaps))} and {signed(max(gaps))}", "subgroups"
