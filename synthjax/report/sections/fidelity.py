"""How alike both sets of images are, each number beside what real images reach."""

import collections
from typing import Any

from synthjax.report.formatting import NONE, estimate, plain, title
from synthjax.report.section import SectionInputs, Values

# Name of a metric in results.json: what it is called, and what it says.
METRICS = {
    "frechet": (
        "Fréchet distance",
        "distance of two normal distributions fitted to the features",
    ),
    "frechet_infinity": (
        "Fréchet distance, N to infinity",
        "the same, extrapolated to infinitely many images, so that n matters less",
    ),
    "kid": (
        "Kernel distance (KID)",
        "unbiased squared maximum mean discrepancy; may be below zero by chance",
    ),
    "precision": ("Precision", "share of synthetic images that lie among real ones"),
    "recall": ("Recall", "share of real images that lie among synthetic ones"),
    "density": ("Density", "how densely real images surround synthetic ones"),
    "coverage": (
        "Coverage",
        "share of real images with a synthetic one in their neighbourhood",
    ),
    "alpha_precision": ("Alpha-precision", "synthetic images in the core of the real"),
    "beta_recall": ("Beta-recall", "real images in the core of the synthetic ones"),
    "authenticity": (
        "Authenticity",
        "share of images no nearer to a training image than other patients' are",
    ),
    "vendi": ("Vendi score", "effective number of different images"),
    "ms_ssim": ("MS-SSIM of pairs", "how alike two images of a set are; 1 is the same"),
    "sliced_wasserstein": (
        "Sliced Wasserstein distance",
        "distance of both sets of pixels along random directions",
    ),
}


def fidelity(inputs: SectionInputs) -> Values:
    """Return a table for each encoder, by finding too, and metrics without encoder."""
    stored = inputs.results["fidelity"]
    tables = [_table(encoder) for encoder in stored.get("encoders") or []]
    images = stored.get("images") or []
    reasons = [
        f"{metric_title(metric['name'])}: {metric['reason']}"
        for metric in images
        if "reason" in metric
    ]
    if stored.get("reason"):
        reasons.append(stored["reason"])
    return {"encoders": tables, "images": _rows(images), "reasons": reasons}


def _table(encoder: dict[str, Any]) -> dict[str, Any]:
    rows = _rows(encoder["metrics"])
    readings = collections.Counter(row["reading"] for row in rows)
    return {
        "name": encoder["name"],
        "n_real": encoder["n_real"],
        "n_synthetic": encoder["n_synthetic"],
        "floor": encoder.get("floor", "other real images"),
        "rows": rows,
        "tally": ", ".join(
            f"{readings[words]} {words}"
            for words in ("worse than real", "like real", "beyond real")
            if readings[words]
        ),
        "labels": _by_label(encoder.get("labels") or []),
    }


def metric_title(name: str) -> str:
    return METRICS.get(name, (title(name), ""))[0]


def _rows(metrics: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [_row(metric) for metric in metrics if "reason" not in metric]


def _row(metric: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": metric_title(metric["name"]),
        "meaning": METRICS.get(metric["name"], ("", ""))[1],
        "synthetic": estimate(metric["synthetic"], plain),
        "floor": estimate(metric.get("floor"), plain),
        "better": {"low": "lower", "high": "higher"}[metric["better"]],
        "reading": reading(metric),
    }


def reading(metric: dict[str, Any]) -> str:
    """Synthetic against real images: "worse than real", "like real", "better than real".

    Worse and better are said where both intervals have no point in common.
    """
    synthetic, floor = metric["synthetic"], metric.get("floor")
    ends = [
        one[end] for one in (synthetic, floor or {}) for end in one if end != "value"
    ]
    if not floor or None in ends or None in (synthetic["value"], floor["value"]):
        return NONE
    above = synthetic["low"] > floor["high"]
    if not above and synthetic["high"] >= floor["low"]:
        return "like real"
    return "worse than real" if above == (metric["better"] == "low") else "beyond real"


def _by_label(labels: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Findings down, metrics across; findings with too few images by name."""
    measured = [label for label in labels if label["metrics"]]
    if not measured:
        return None
    names = [metric["name"] for metric in measured[0]["metrics"]]
    rows = []
    for label in measured:
        found = {metric["name"]: metric for metric in label["metrics"]}
        cells = [
            {
                "synthetic": estimate(found[name]["synthetic"], plain)["value"],
                "floor": estimate(found[name].get("floor"), plain)["value"],
            }
            if name in found
            else {"synthetic": NONE, "floor": NONE}
            for name in names
        ]
        rows.append(
            {"name": label["name"], "cells": cells}
            | {key: label[key] for key in ("n_real", "n_synthetic")}
        )
    return {
        "encoder": measured[0].get("encoder"),
        "metrics": [metric_title(name) for name in names],
        "rows": rows,
        "small": [
            {"name": label["name"], "reason": label.get("reason", "too few images")}
            for label in labels
            if not label["metrics"]
        ],
    }


def find_metric(results: dict[str, Any], name: str) -> dict[str, Any] | None:
    """The metric of a name, of the first encoder or of the images, with its full name.

    Returns:
      The metric and "called": what it is, the encoder and the number of images.
    """
    stored = results.get("fidelity") or {}
    for encoder in (stored.get("encoders") or [])[:1]:
        for metric in encoder["metrics"]:
            if metric["name"] == name:
                where = f"{encoder['name']}, N = {encoder['n_synthetic']:,}"
                return metric | {"called": f"{metric_title(name)}, {where}"}
    for metric in stored.get("images") or []:
        if metric["name"] == name and "reason" not in metric:
            return metric | {"called": metric_title(name)}
    return None
