"""Draws haemorrhages: where they are, how large, how bright.

One is drawn for a patient from a random stream that belongs to the patient and the type.
"""

from collections.abc import Callable

import numpy as np

from synthjax.phantom.head.anatomy import CORONAL, LAMBDOID, Head, inner_radius
from synthjax.phantom.head.haemorrhages import (
    Epidural,
    Haemorrhage,
    Intraparenchymal,
    Intraventricular,
    Subarachnoid,
    Subdural,
)


def draw_epidural(head: Head, rng: np.random.Generator) -> Epidural:
    """Draw one between coronal and lambdoid suture, mostly temporal and parietal."""
    frontal = rng.random() < 0.25
    middle = rng.uniform(0.40, 0.46) if frontal else rng.uniform(1.28, 1.9)
    low, high = (0.0, CORONAL) if frontal else (CORONAL, LAMBDOID)
    room = min(middle - low, high - middle) - 0.02
    half = min(float(rng.uniform(0.34, 0.46)), room)
    # Thick for its length, or the skull's own curve would make it a crescent.
    thick = 75 * half * float(rng.uniform(0.48, 0.68))
    return Epidural(
        angle=head.side * float(middle),
        half=half,
        thick=thick,
        level=float(rng.uniform(2, 24)),
        reach=float(rng.uniform(30, 46)),
        hounsfield=float(rng.uniform(60, 80)),
    )


def draw_subdural(head: Head, rng: np.random.Generator) -> Subdural:
    """Draw one opposite to where an epidural would be; most are fresh and bright."""
    age = rng.random()
    fresh, older = rng.uniform(56, 75), rng.uniform(35, 56)
    return Subdural(
        angle=-head.side * float(rng.uniform(1.3, 1.85)),
        half=float(rng.uniform(0.85, 1.25)),
        thick=float(rng.uniform(7, 15)),
        falx=float(rng.uniform(3.0, 5.5)) if rng.random() < 0.3 else 0.0,
        level=float(rng.uniform(12, 32)),
        reach=float(rng.uniform(36, 52)),
        hounsfield=float(fresh if age < 0.75 else older),
    )


def draw_intraparenchymal(head: Head, rng: np.random.Generator) -> Intraparenchymal:
    """Draw one in the basal ganglia, in a lobe, or (few) in the cerebellum."""
    place, side = rng.random(), int(rng.integers(2)) * 2 - 1
    radius = float(rng.uniform(11, 21))
    level, lowest = float(rng.uniform(6, 18)), -12.0  # z; above the base
    if place < 0.5:  # putamen and thalamus
        centre = side * float(rng.uniform(22, 32)), float(rng.uniform(-14, 12))
        radius = min(radius, 18.0)
    elif place < 0.9:
        angle = side * float(rng.choice([0.5, 1.2, 1.75, 2.4]) + rng.uniform(-0.1, 0.1))
        level = float(rng.uniform(14, 40))
        edge = inner_radius(head, level, np.array([angle]))[0]
        away = float(edge) - radius * 1.25 - float(rng.uniform(6, 10))
        centre = away * float(np.sin(angle)), away * float(np.cos(angle))
    else:
        radius = min(radius, 14.0)
        centre = side * float(rng.uniform(12, 22)), float(rng.uniform(-54, -46))
        level, lowest = float(rng.uniform(-28, -22)), -40.0
    return Intraparenchymal(
        centre=centre,
        radius=radius,
        ripple=(*rng.normal(0, (0.10, 0.08, 0.04, 0.04)), *rng.uniform(0, 6.28, 4)),
        rim=float(rng.uniform(4, 10)),
        level=level,
        reach=min(radius * float(rng.uniform(1.5, 2.1)), level - lowest),
        hounsfield=float(rng.uniform(60, 78)),
        oedema=float(rng.uniform(19, 23)),
    )


def draw_intraventricular(head: Head, rng: np.random.Generator) -> Intraventricular:
    """Draw settled blood or a cast, with equal probability."""
    return Intraventricular(
        cast=bool(rng.random() < 0.5),
        surface=float(rng.uniform(-38, -20)),
        hounsfield=float(rng.uniform(54, 74)),
        tint=float(rng.uniform(2, 9)),
        width=float(rng.uniform(1.2, 1.5)),
    )


def draw_subarachnoid(head: Head, rng: np.random.Generator) -> Subarachnoid:
    """Draw one: half basal (a burst aneurysm), half over one side's convexity."""
    side = int(rng.integers(2)) * 2 - 1
    return Subarachnoid(
        basal=bool(rng.random() < 0.5),
        angle=side * float(rng.uniform(0.8, 2.2)),
        half=float(rng.uniform(0.5, 0.8)),
        width=float(rng.uniform(2.8, 3.8)),
        level=float(rng.uniform(18, 36)),
        reach=float(rng.uniform(24, 34)),
        hounsfield=float(rng.uniform(50, 65)),
    )


DRAW: dict[str, Callable[[Head, np.random.Generator], Haemorrhage]] = {
    "epidural": draw_epidural,
    "intraparenchymal": draw_intraparenchymal,
    "intraventricular": draw_intraventricular,
    "subarachnoid": draw_subarachnoid,
    "subdural": draw_subdural,
}
