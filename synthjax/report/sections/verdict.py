"""The verdict: one sentence, its interval, the margin, and the figures under it."""

from typing import Any

from synthjax.report.words import (
    against_margin,
    auroc,
    headline,
    interval,
    percent,
    signed,
)


def mean_gap(results: dict[str, Any]) -> dict[str, Any]:
    """The gap of the verdict: the primary endpoint, in older results the mean gap."""
    primary = results.get("primary")
    return primary["gap"] if primary else results["utility"]["mean"]["gap"]


def verdict(results: dict[str, Any]) -> dict[str, Any]:
    """The sentence a reader takes away, and the figures under it."""
    mean, gap = results["utility"]["mean"], mean_gap(results)
    bootstrap, primary = results["bootstrap"], results.get("primary")
    level = bootstrap["level"]
    defined = [row for row in results["utility"]["labels"] if row["gap"] is not None]
    return {
        "headline": headline(
            gap,
            level=level,
            images=results["n_test_images"],
            patients=results["n_test_patients"],
            noninferior=bool(primary and primary["noninferior"]),
        ),
        "margin": against_margin(primary),
        "chance": _chance(primary),
        "method": (primary or {}).get("method"),
        "text": results["verdict"],
        "real": auroc(mean["real"]["value"]),
        "synthetic": auroc(mean["synthetic"]["value"]),
        "gap": signed(gap["value"]),
        "interval": interval(gap),
        "level": percent(level),
        "replicates": bootstrap["replicates"],
        "images": results["n_test_images"],
        "patients": results["n_test_patients"],
        "seeds": results["seeds"],
        "labels": len(defined),
        "all_labels": len(results["utility"]["labels"]),
    }


_SOURCES = {
    "patients": "which patients were tested",
    "seeds_real": "the training seed on real images",
    "seeds_synthetic": "the training seed on synthetic images",
}


def _chance(primary: dict[str, Any] | None) -> list[dict[str, str]]:
    """Standard deviation of the gap by what it comes from."""
    variance = (primary or {}).get("variance") or {}
    return [
        {"what": words, "sd": f"{max(variance[key], 0.0) ** 0.5:.4f}"}
        for key, words in _SOURCES.items()
        if variance.get(key) is not None
    ]
