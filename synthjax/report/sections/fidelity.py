"""How alike both sets of images are, each number beside its real-real baseline."""

import collections
from collections.abc import Mapping
from typing import Any

from synthjax.report.formatting import NONE, as_title, plain, with_interval
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
    images = stored.get("images") or []
    reasons = [
        f"{metric_title(metric)}: {metric['reason']}"
        for metric in images
        if "reason" in metric
    ]
    if stored.get("reason"):
        reasons.append(stored["reason"])
    return {
        "encoders": [_table(encoder) for encoder in stored.get("encoders") or []],
        "images": _rows(images),
        "reasons": reasons,
    }


def _table(encoder: dict[str, Any]) -> dict[str, Any]:
    rows = _rows(encoder["metrics"])
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
        "labels": _by_label(encoder.get("labels") or []),
    }


def metric_title(metric: Mapping[str, Any]) -> str:
    """Return what the page calls a metric; one it does not know has its own name."""
    if metric.get("title"):
        return metric["title"]
    return METRICS.get(metric["name"], (as_title(metric["name"]), ""))[0]


def _meaning(metric: Mapping[str, Any]) -> str:
    return metric.get("meaning") or METRICS.get(metric["name"], ("", ""))[1]


def _rows(metrics: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [_row(metric) for metric in metrics if "reason" not in metric]


def _row(metric: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": metric_title(metric),
        "meaning": _meaning(metric),
        "synthetic": with_interval(metric["synthetic"], plain),
        "baseline": with_interval(metric.get("floor"), plain),
        "better": {"low": "lower", "high": "higher"}[metric["better"]],
        "reading": reading(metric),
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


def _by_label(labels: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return findings down, metrics across; findings with too few images by name."""
    measured = [label for label in labels if label["metrics"]]
    if not measured:
        return None
    metrics = measured[0]["metrics"]
    return {
        "encoder": measured[0].get("encoder"),
        "metrics": [metric_title(metric) for metric in metrics],
        "rows": [
            {
                "name": label["name"],
                "cells": _cells(label, [metric["name"] for metric in metrics]),
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
    by_name = {metric["name"]: metric for metric in label["metrics"]}
    metrics = [by_name.get(name, {}) for name in names]
    return [
        {
            "synthetic": with_interval(metric.get("synthetic"), plain)["value"],
            "baseline": with_interval(metric.get("floor"), plain)["value"],
        }
        for metric in metrics
    ]


def find_metric(results: dict[str, Any], name: str) -> dict[str, Any] | None:
    """Return a metric of the first encoder or of the images themselves.

    Returns:
      The metric of results.json with "called": its title, the encoder and the number
      of images. None where it was not measured.
    """
    stored = results.get("fidelity") or {}
    for encoder in (stored.get("encoders") or [])[:1]:
        for metric in encoder["metrics"]:
            if metric["name"] == name:
                where = f"{encoder['name']}, N = {encoder['n_synthetic']:,}"
                return metric | {"called": f"{metric_title(metric)}, {where}"}
    for metric in stored.get("images") or []:
        if metric["name"] == name and "reason" not in metric:
            return metric | {"called": metric_title(metric)}
    return None
