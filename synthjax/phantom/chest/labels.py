"""Which findings a patient has: a stated joint distribution over CheXpert's 14 labels.

A patient comes to the X-ray for one of nine reasons (`REASONS`), drawn with the weights
below; given the reason, findings are independent with the probabilities below. What
belongs together in the clinic (a wide heart, oedema and effusions; broken ribs and
pneumothorax; devices in intensive care) is therefore seen together, few combinations
carry most patients, and every prevalence is known exactly (`prevalence`). Rare findings
are raised to about 8 %. Two labels follow from others:

- Lung Opacity is 1 with Edema, Consolidation, Pneumonia, Atelectasis or Lung Lesion, as
  in CheXpert's hierarchy of labels, or alone as a focal haze of unknown cause.
- No Finding is 1 exactly where all others but Support Devices are 0, as in CheXpert.

Enlarged Cardiomediastinum means here a wide upper mediastinum and is drawn apart from
Cardiomegaly.
"""

from itertools import product

import numpy as np
from jaxtyping import Float

from synthjax.core.findings import CHEST

LABELS = CHEST

OPACITIES = ("Lung Lesion", "Edema", "Consolidation", "Pneumonia", "Atelectasis")

# reason: (share of patients, {finding: probability}); "Lung Opacity" is the lone haze.
REASONS: dict[str, tuple[float, dict[str, float]]] = {
    "check-up": (0.16, {"Support Devices": 0.08}),
    "heart failure": (
        0.16,
        {
            "Enlarged Cardiomediastinum": 0.10,
            "Cardiomegaly": 0.85,
            "Edema": 0.75,
            "Pleural Effusion": 0.50,
            "Support Devices": 0.40,
        },
    ),
    "infection": (
        0.14,
        {
            "Consolidation": 0.50,
            "Pneumonia": 0.65,
            "Pleural Effusion": 0.25,
            "Support Devices": 0.20,
        },
    ),
    "intensive care": (
        0.14,
        {
            "Enlarged Cardiomediastinum": 0.12,
            "Cardiomegaly": 0.20,
            "Edema": 0.20,
            "Consolidation": 0.15,
            "Atelectasis": 0.60,
            "Pneumothorax": 0.15,
            "Pleural Effusion": 0.40,
            "Support Devices": 0.95,
        },
    ),
    "trauma": (
        0.10,
        {
            "Enlarged Cardiomediastinum": 0.15,
            "Pneumothorax": 0.60,
            "Pleural Effusion": 0.20,
            "Fracture": 0.80,
            "Support Devices": 0.35,
        },
    ),
    "tumour": (
        0.10,
        {
            "Enlarged Cardiomediastinum": 0.20,
            "Lung Lesion": 0.90,
            "Atelectasis": 0.15,
            "Pleural Effusion": 0.25,
            "Support Devices": 0.25,
        },
    ),
    "pleural disease": (
        0.09,
        {"Pleural Effusion": 0.20, "Pleural Other": 0.90, "Fracture": 0.08},
    ),
    "great vessels": (
        0.05,
        {
            "Enlarged Cardiomediastinum": 0.90,
            "Cardiomegaly": 0.40,
            "Support Devices": 0.30,
        },
    ),
    "cough": (
        0.06,
        {"Lung Opacity": 0.85, "Atelectasis": 0.15, "Pleural Effusion": 0.10},
    ),
}


def close(drawn: Float[np.ndarray, "y"]) -> Float[np.ndarray, "y"]:
    """Set the two labels that follow from the others (Lung Opacity, No Finding)."""
    label = drawn.copy()
    if any(label[LABELS.index(name)] for name in OPACITIES):
        label[LABELS.index("Lung Opacity")] = 1
    label[0] = float(not label[1:-1].any())
    return label


def label_of(*names: str) -> Float[np.ndarray, "y"]:
    """Return the label vector [14] of exactly these findings, closed.

    Raises:
      ValueError: LABELS has no such finding.
    """
    unknown = [name for name in names if name not in LABELS]
    if unknown:
        raise ValueError(f"unknown finding {unknown[0]!r}; known: {', '.join(LABELS)}")
    return close(np.array([float(name in names) for name in LABELS], np.float32))


def draw_label(rng: np.random.Generator) -> tuple[str, Float[np.ndarray, "y"]]:
    """Draw a reason for the exam and its label vector [14], 0 or 1."""
    names = list(REASONS)
    shares = np.cumsum([REASONS[name][0] for name in names])
    place = np.searchsorted(shares, rng.random() * shares[-1], side="right")
    reason = names[int(place)]
    chances = REASONS[reason][1]
    drawn = np.array([chances.get(name, 0.0) for name in LABELS])
    label = (rng.random(len(LABELS)) < drawn).astype(np.float32)
    return reason, close(label)


def prevalence() -> Float[np.ndarray, "y"]:
    """Return the exact probability of every label [14], over all combinations."""
    total = np.zeros(len(LABELS))
    for share, chances in REASONS.values():
        for bits in product((0, 1), repeat=len(chances)):
            label = np.zeros(len(LABELS), np.float32)
            weight = share
            for (name, chance), bit in zip(chances.items(), bits, strict=True):
                label[LABELS.index(name)] = bit
                weight *= chance if bit else 1 - chance
            total += weight * close(label)
    return total
