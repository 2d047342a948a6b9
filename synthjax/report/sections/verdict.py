"""The verdict: one sentence, its interval, the margin, and the figures under it."""

from typing import Any

from synthjax.report.formatting import (
    as_title,
    auroc,
    interval,
    p_value,
    percent,
    signed,
    with_interval,
)
from synthjax.report.section import SectionInputs, Values
from synthjax.report.sections.arms import ARM_TITLES

_KINDS = {  # of labels: what the arms train on that have the same images
    "synthetic": "the labels that the generator was asked for",
    "synthetic_teacher": (
        "soft labels, which classifiers trained on real images give the same images"
    ),
}
_TRAINED = {
    "synthetic": "on synthetic images alone",
    "synthetic_teacher": "on synthetic images that real-trained classifiers labelled",
}
_CAUSES = {  # of the gap's variance
    "patients": "which patients were tested",
    "seeds_real": "the training seed on real images",
    "seeds_synthetic": "the training seed on synthetic images",
}


def verdict(inputs: SectionInputs) -> Values:
    """Return the sentence a reader takes away, and the figures under it."""
    results = inputs.results
    gap, primary = mean_gap(results), results.get("primary")
    level = results["bootstrap"]["level"]
    labels = results["utility"]["labels"]
    source = inputs.study.source()
    provenance = inputs.study.provenance()
    return {
        "headline": headline(
            gap,
            level=level,
            images=results["n_test_images"],
            patients=results["n_test_patients"],
            noninferior=bool(primary and primary["noninferior"]),
            no_claim=no_claim(primary),
            arm=(primary or {}).get("arm") or "synthetic",
        ),
        "margin": against_margin(primary),
        "chance": _standard_deviations(primary),
        "method": (primary or {}).get("method"),
        "beside": _other_labels(results),
        **mean_row(results),
        "level": percent(level),
        "images": results["n_test_images"],
        "patients": results["n_test_patients"],
        "seeds": results["seeds"],
        "labels": sum(row["gap"] is not None for row in labels),
        "all_labels": len(labels),
        "source": source,
        "simulated": inputs.study.is_simulated(),
        # A folder of images from a generator that this study did not train.
        "made_elsewhere": provenance is not None and "generator" not in provenance,
    }


def _other_labels(results: dict[str, Any]) -> dict[str, str] | None:
    """Return the gap of the same images under the other kind of label, if measured.

    The verdict is of one kind of label, named before the training; the other is shown
    beside it.
    """
    primary = (results.get("primary") or {}).get("arm") or "synthetic"
    other = {"synthetic": "synthetic_teacher"}.get(primary, "synthetic")
    for arm in results.get("arms") or []:
        if arm["name"] == other and arm.get("gap_to_real"):
            kinds = {"other": _KINDS[other], "primary": _kind(primary)}
            return kinds | with_interval(arm["gap_to_real"])
    return None


def _kind(arm: str) -> str:
    return _KINDS.get(arm, f"the arm {ARM_TITLES.get(arm, (as_title(arm),))[0]}")


def mean_gap(results: dict[str, Any]) -> dict[str, Any]:
    """Return the gap of the verdict: the primary endpoint, else the mean gap."""
    primary = results.get("primary")
    return primary["gap"] if primary else results["utility"]["mean"]["gap"]


def mean_row(results: dict[str, Any]) -> dict[str, str]:
    """Return the mean AUROC of both arms, their gap and its interval, as text."""
    mean, gap = results["utility"]["mean"], mean_gap(results)
    return {
        "real": auroc(mean["real"]["value"]),
        "synthetic": auroc(mean["synthetic"]["value"]),
        "gap": signed(gap["value"]),
        "interval": interval(gap),
    }


def _standard_deviations(primary: dict[str, Any] | None) -> list[dict[str, str]]:
    """Return the standard deviation of the gap by its cause."""
    variance = (primary or {}).get("variance") or {}
    return [
        {"what": words, "sd": f"{max(variance[key], 0.0) ** 0.5:.4f}"}
        for key, words in _CAUSES.items()
        if variance.get(key) is not None
    ]


def headline(
    gap: dict[str, Any],
    *,
    level: float,
    images: int,
    patients: int,
    noninferior: bool = False,
    no_claim: bool = False,
    arm: str = "synthetic",
) -> dict[str, str]:
    """Return the verdict as {"before", "figure", "after"}; the figure stands out.

    Args:
      gap: mean AUROC of real-trained minus synthetic-trained, {"value", "low",
        "high"}; the ends are None where there is no interval.
      level: of the interval, such as 0.95.
      images, patients: n of the real test set.
      noninferior: whether the loss is shown to be within its margin.
      arm: what the verdict compares with the real arm.
      no_claim: whether no conclusion is allowed at all, as the next paragraph says.
    """
    value, low, high = gap["value"], gap["low"], gap["high"]
    trained = _TRAINED.get(arm, f"as the arm {arm} is")
    alone = f"Trained {trained}, the classifier "
    n = f"n = {images:,} images of {patients:,} patients"
    if low is not None and high is not None and low <= 0 <= high:
        return {
            "before": f"{alone}shows a gap of ",
            "figure": f"{signed(value)} mean AUROC",
            "after": f" on real test images ({percent(level)} interval "
            f"{interval(gap)}, which includes zero; {n})"
            + (
                "."
                if noninferior or no_claim
                else ": neither a loss nor equality is shown."
            ),
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


def no_claim(primary: dict[str, Any] | None) -> bool:
    """Return whether the results say that nothing may be concluded from them."""
    outcome = (primary or {}).get("outcome", "shown")
    return outcome not in ("shown", "not shown")


def against_margin(primary: dict[str, Any] | None) -> dict[str, str] | None:
    """Return whether the loss is shown to be within the margin, and how sure that is.

    Where nothing may be concluded, say so, why, and where to look.

    Args:
      primary: of results.json; None where it is missing.
    """
    if primary is None:
        return None
    if no_claim(primary):
        return {
            "figure": f"No verdict: {primary['outcome']}.",
            "after": f" {primary['conclusion']}",
        }
    p = p_value(primary["p_noninferior"])
    test = f"p {p}" if p.startswith("<") else f"p = {p}"
    within = "Within" if primary["noninferior"] else "Not shown to be within"
    return {
        "figure": f"{within} the margin of {primary['margin']:g}",
        "after": f" (non-inferiority test of the {primary['endpoint']}, one-sided {test})."
        f" The margin is the loss that was declared acceptable before the run.",
    }
