"""How alike both sets of images are, each number beside its real-real baseline."""

import collections
from collections.abc import Mapping
from typing import Any

from synthjax.report.formatting import NONE, as_title, plain, with_interval
from synthjax.report.section import MetricText, SectionInputs, Values

Metrics = Mapping[str, MetricText]


def fidelity(inputs: SectionInputs) -> Values:
    """Return a table for each encoder, by finding too, and metrics without encoder."""
    stored, metrics = inputs.results["fidelity"], inputs.metrics
    images = stored.get("images") or []
    reasons = [
        f"{metric_title(entry['name'], metrics)}: {entry['reason']}"
        for entry in images
        if "reason" in entry
    ]
    if stored.get("reason"):
        reasons.append(stored["reason"])
    return {
        "encoders": [
            _table(encoder, metrics) for encoder in stored.get("encoders") or []
        ],
        "images": _rows(images, metrics),
        "reasons": reasons,
    }


def _table(encoder: dict[str, Any], metrics: Metrics) -> dict[str, Any]:
    rows = _rows(encoder["metrics"], metrics)
    readings = collections.Counter(row["reading"] for row in rows)
    return {
        "name": encoder["name"],
        "n_real": encoder["n_real"],
        "n_synthetic": encoder["n_synthetic"],
        "baseline": encoder.get("floor", "other real images"),
        "rows": rows,
        "tally": ", ".join(
            f"{readings[words]} {words}"
            for words in ("worse than real", "like real", "beyond real")
            if readings[words]
        ),
        "published": _published(encoder.get("published")),
        "labels": _by_label(encoder.get("labels") or [], metrics),
    }


def _published(found: dict[str, Any] | None) -> str:
    """Return a sentence on FID and KID as the literature has them; "" without them."""
    if found is None:
        return ""
    warning = f" Beware: {found['warning']}." if "warning" in found else ""
    return (
        f"As published, of raw features: FID {found['fid']:.2f}, KID "
        f"{found['kid']:.4f} (mean of subsets of {found['kid_subset_size']:,}), of "
        f"{found['n_real']:,} real and {found['n_synthetic']:,} synthetic images."
        f"{warning}"
    )


def metric_title(name: str, metrics: Metrics) -> str:
    """Return what the page calls a metric; one it does not know has its own name."""
    return metrics[name].title if name in metrics else as_title(name)


def _rows(stored: list[dict[str, Any]], metrics: Metrics) -> list[dict[str, Any]]:
    return [_row(entry, metrics) for entry in stored if "reason" not in entry]


def _row(entry: dict[str, Any], metrics: Metrics) -> dict[str, Any]:
    name = entry["name"]
    return {
        "name": metric_title(name, metrics),
        "meaning": metrics[name].meaning if name in metrics else "",
        "synthetic": with_interval(entry["synthetic"], plain),
        "baseline": with_interval(entry.get("floor"), plain),
        "better": {"low": "lower", "high": "higher"}[entry["better"]],
        "reading": reading(entry),
    }


def reading(metric: dict[str, Any]) -> str:
    """Return "worse than real", "like real" or "beyond real".

    Synthetic images are like real ones where their interval and that of the real-real
    baseline overlap. A dash where one of them has no interval.
    """
    synthetic, baseline = metric["synthetic"], metric.get("floor")
    if not baseline or None in (*synthetic.values(), *baseline.values()):
        return NONE
    above = synthetic["low"] > baseline["high"]
    if not above and synthetic["high"] >= baseline["low"]:
        return "like real"
    return "worse than real" if above == (metric["better"] == "low") else "beyond real"


def _by_label(labels: list[dict[str, Any]], metrics: Metrics) -> dict[str, Any] | None:
    """Return findings down, metrics across; findings with too few images by name."""
    measured = [label for label in labels if label["metrics"]]
    if not measured:
        return None
    names = [entry["name"] for entry in measured[0]["metrics"]]
    return {
        "encoder": measured[0].get("encoder"),
        "metrics": [metric_title(name, metrics) for name in names],
        "rows": [
            {
                "name": label["name"],
                "cells": _cells(label, names),
                "n_real": label["n_real"],
                "n_synthetic": label["n_synthetic"],
            }
            for label in measured
        ],
        "small": [
            {"name": label["name"], "reason": label.get("reason", "too few images")}
            for label in labels
            if not label["metrics"]
        ],
    }


def _cells(label: dict[str, Any], names: list[str]) -> list[dict[str, str]]:
    """Return the value of each metric for one finding; a dash where there is none."""
    by_name = {entry["name"]: entry for entry in label["metrics"]}
    entries = [by_name.get(name, {}) for name in names]
    return [
        {
            "synthetic": with_interval(entry.get("synthetic"), plain)["value"],
            "baseline": with_interval(entry.get("floor"), plain)["value"],
        }
        for entry in entries
    ]


def find_metric(inputs: SectionInputs, name: str) -> dict[str, Any] | None:
    """Return a metric of the first encoder or of the images themselves.

    Returns:
      The metric of results.json with "called": its title, the encoder and the number
      of images. None where it was not measured.
    """
    stored = inputs.results.get("fidelity") or {}
    title = metric_title(name, inputs.metrics)
    for encoder in (stored.get("encoders") or [])[:1]:
        for entry in encoder["metrics"]:
            if entry["name"] == name:
                where = f"{encoder['name']}, N = {encoder['n_synthetic']:,}"
                return entry | {"called": f"{title}, {where}"}
    for entry in stored.get("images") or []:
        if entry["name"] == name and "reason" not in entry:
            return entry | {"called": title}
    return None
