"""Which haemorrhages a patient has: a stated joint distribution, and the paper's labels.

A patient comes to the scanner for one of six reasons (`REASONS`), drawn with the weights
below; given the reason, the types of haemorrhage are independent with the probabilities
below. So what belongs together in the clinic is seen together: blood breaks from the
parenchyma into the ventricles, a burst aneurysm bleeds into the cisterns and on into the
ventricles, an old person's fall gives a subdural haematoma, a blow to the temple an
epidural one. The prevalences over patients are known exactly (`prevalence`).

A label belongs to a slice: it is 1 where the slice shows at least `LEAST_AREA` of that
blood. Haemorrhages have an extent along the head, so a bleeding patient has clean slices
too. At the levels of `anatomy.draw_levels` about half of the slices have no
finding, and the five types are on about 8, 16, 10, 14 and 17 % of them.
"""

from itertools import product

import numpy as np
from jaxtyping import Float

from synthjax.core.findings import BRAIN, HAEMORRHAGES

TYPES = HAEMORRHAGES
LABELS = BRAIN

# Visible blood in a slice from which on it counts, mm^2; less is never drawn.
LEAST_AREA = {
    "epidural": 120.0,
    "intraparenchymal": 100.0,
    "intraventricular": 100.0,
    "subarachnoid": 150.0,
    "subdural": 200.0,
}

# reason: (share of patients, {type: probability})
REASONS: dict[str, tuple[float, dict[str, float]]] = {
    "headache": (0.34, {}),
    "hypertension": (
        0.22,
        {"intraparenchymal": 0.92, "intraventricular": 0.70, "subarachnoid": 0.08},
    ),
    "aneurysm": (
        0.145,
        {"intraparenchymal": 0.25, "intraventricular": 0.52, "subarachnoid": 0.95},
    ),
    "fall": (
        0.15,
        {"intraparenchymal": 0.10, "subarachnoid": 0.15, "subdural": 0.92},
    ),
    "blow": (
        0.09,
        {"epidural": 0.95, "subarachnoid": 0.20, "subdural": 0.15},
    ),
    "accident": (
        0.055,
        {
            "epidural": 0.20,
            "intraparenchymal": 0.45,
            "intraventricular": 0.10,
            "subarachnoid": 0.60,
            "subdural": 0.60,
        },
    ),
}


def close(present: Float[np.ndarray, "t"]) -> Float[np.ndarray, "y"]:
    """Return the label vector [6] of five types: "no finding" is 1 if all are 0."""
    return np.append(present, float(not present.any())).astype(np.float32)


def types_of(*names: str) -> Float[np.ndarray, "t"]:
    """Return the types [5] that these findings are, 0 or 1; "no finding" adds none.

    Raises:
      ValueError: LABELS has no such finding.
    """
    unknown = [name for name in names if name not in LABELS]
    if unknown:
        raise ValueError(f"unknown finding {unknown[0]!r}; known: {', '.join(LABELS)}")
    return np.array([float(kind in names) for kind in TYPES])


def draw_types(rng: np.random.Generator) -> tuple[str, Float[np.ndarray, "t"]]:
    """Draw a reason for the exam and the types [5] that the patient has, 0 or 1."""
    names = list(REASONS)
    shares = np.cumsum([REASONS[name][0] for name in names])
    place = np.searchsorted(shares, rng.random() * shares[-1], side="right")
    reason = names[int(place)]
    chances = REASONS[reason][1]
    drawn = np.array([chances.get(name, 0.0) for name in TYPES])
    return reason, (rng.random(len(TYPES)) < drawn).astype(np.float32)


def prevalence() -> Float[np.ndarray, "y"]:
    """Return the exact share of patients with each type, and with none [6]."""
    total = np.zeros(len(LABELS))
    for share, chances in REASONS.values():
        for bits in product((0, 1), repeat=len(chances)):
            present = np.zeros(len(TYPES), np.float32)
            weight = share
            for (name, chance), bit in zip(chances.items(), bits, strict=True):
                present[TYPES.index(name)] = bit
                weight *= chance if bit else 1 - chance
            total += weight * close(present)
    return total
