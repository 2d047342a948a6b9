"""The brain of a slice, painted from the inside out, with the blood in and on it."""

import numpy as np

from synthjax.phantom.head.anatomy import around
from synthjax.phantom.head.brain import (
    RIBBON,
    brainstem,
    cerebellum,
    cisterns,
    convexity_sulci,
    deep_grey,
    ellipsoid,
    in_fissure,
    lateral_ventricles,
    middle_ventricles,
    midline_fissure,
    sylvian,
    union,
)
from synthjax.phantom.head.canvas import Canvas, Map
from synthjax.phantom.head.haemorrhages import Haemorrhages, Intraparenchymal
from synthjax.phantom.head.place import Slice

CALCIFIED, SINUS = 130.0, 53.0  # HU of choroid plexus and pineal; of venous blood


def paint_brain(canvas: Canvas, points: Slice, found: Haemorrhages) -> None:
    """Paint everything within the skull but the blood on the convexity.

    The canvas is white matter to begin with. Blood is accounted for by its type, oedema
    by its name.
    """
    _paint_deep(canvas, points)
    furrows, fissure, lateral = _spaces(points, found)
    nearest = np.maximum(np.maximum(furrows, fissure), -points.below)
    if lateral is not None:
        nearest = np.maximum(nearest, lateral)
    canvas.paint(points.head.grey, canvas.cover(nearest + RIBBON, 1.6))
    _paint_hindbrain(canvas, points)
    clot = found.intraparenchymal
    if clot is not None:
        inside = _clot_distance(points, clot)
        canvas.paint(clot.oedema, canvas.cover(inside + clot.rim, 4.0), "oedema")
    behind = cerebellum(points)
    shown = np.ones_like(furrows) if behind is None else 1 - canvas.cover(behind)
    _paint_sulci(canvas, points, found, canvas.cover(furrows) * shown)
    _paint_cisterns(canvas, points, found, fissure, lateral, shown)
    _paint_ventricles(canvas, points, found)
    _paint_midline(canvas, points, found)
    if clot is not None:
        middle = np.clip(inside * np.float32(0.1), 0, 1)
        share = canvas.cover(np.minimum(inside, points.below), 1.5)
        canvas.paint(clot.hounsfield - 2 + 4 * middle, share, "intraparenchymal")


def _clot_distance(points: Slice, clot: Intraparenchymal) -> Map:
    """Return the signed distance (mm) to a clot of the brain."""
    right = points.grid.x - np.float32(clot.centre[0])
    up = points.grid.y - np.float32(clot.centre[1])
    own = around(right, up, points.grid.drop, points.grid.pitch)
    return own.at(clot.outline(points.level)) - own.radius


def _spaces(points: Slice, found: Haemorrhages) -> tuple[Map, Map, Map | None]:
    """Return signed distances of sulci, midline fissure and Sylvian fissures.

    They are wide in the old, wide where full of blood, and shut under pressure.
    """
    atrophy, blood = points.head.atrophy, found.subarachnoid
    width = (0.7 + 2.5 * atrophy) * (1 - 0.9 * points.pressed)
    wide = 1.6
    if blood is not None and blood.basal:
        wide = 3.6
    elif blood is not None:
        width = np.maximum(width, blood.width * blood.sector())
    return (
        convexity_sulci(points, width),
        midline_fissure(points, 1.6 + 1.6 * atrophy),
        sylvian(points, wide + 4.0 * atrophy),
    )


def _paint_deep(canvas: Canvas, points: Slice) -> None:
    """Paint white matter, pale near the ventricles of the old, and deep nuclei."""
    ventricles = lateral_ventricles(points)
    if ventricles is not None and points.head.pallor:
        near = np.exp(np.minimum(ventricles, 0) * np.float32(1 / 7))
        canvas.hounsfield -= np.float32(points.head.pallor) * near
    nuclei = deep_grey(points)
    if nuclei is not None:
        canvas.paint(points.head.grey - 1, canvas.cover(nuclei, 2.0))


def _paint_hindbrain(canvas: Canvas, points: Slice) -> None:
    """Paint the cerebellum with its folia, behind a cleft, and the brainstem."""
    head = points.head
    behind = cerebellum(points)
    if behind is not None:
        folia = np.sin(points.y * np.float32(1.1) - points.away * np.float32(0.55))
        folia *= np.clip(points.away * np.float32(0.15), 0, 1.5)
        canvas.paint(head.grey - 2 + folia, canvas.cover(behind))
        cleft = 1.0 + 1.2 * head.atrophy - np.abs(behind)
        canvas.paint(head.csf + 14, canvas.cover(cleft) * np.float32(0.8))
    stem = brainstem(points)
    if stem is not None:
        canvas.paint(head.white + 3, canvas.cover(stem))


def _paint_sulci(
    canvas: Canvas, points: Slice, found: Haemorrhages, share: Map
) -> None:
    """Paint fluid in the sulci of the convexity, or blood in a sector of them."""
    blood, csf = found.subarachnoid, points.head.csf
    if blood is None or blood.basal:
        canvas.paint(csf, share)
        return
    part = points.grid.at(blood.sector())
    canvas.paint(csf + part * (blood.hounsfield - csf), share, "subarachnoid", part)


def _paint_cisterns(
    canvas: Canvas,
    points: Slice,
    found: Haemorrhages,
    fissure: Map,
    lateral: Map | None,
    shown: Map,
) -> None:
    """Paint fissures and basal cisterns, full of fluid or of blood.

    Blood from the base fills the midline fissure in front only. `shown` is the share
    of points that the cerebellum leaves to the cerebrum.
    """
    head, blood = points.head, found.subarachnoid
    basal = blood is not None and blood.basal
    basins = cisterns(points, (2.0 if basal else 1.0) + 2.5 * head.atrophy)
    spaces = [canvas.cover(fissure) * shown]
    if lateral is not None:
        spaces.append(canvas.cover(lateral) * shown)
    if basins is not None:
        spaces.append(canvas.cover(basins))
    csf = head.csf
    if blood is None or not blood.basal:
        for space in spaces:
            canvas.paint(csf, space)
        return
    front = canvas.cover(points.y - 12)
    mixed = csf + front * (blood.hounsfield - csf)
    canvas.paint(mixed, spaces[0], "subarachnoid", front)
    for space in spaces[1:]:
        canvas.paint(blood.hounsfield, space, "subarachnoid")


def _paint_ventricles(canvas: Canvas, points: Slice, found: Haemorrhages) -> None:
    """Paint ventricles, septum, blood in them, and calcified choroid plexus."""
    head, level, blood = points.head, points.level, found.intraventricular
    inside = union([lateral_ventricles(points), middle_ventricles(points)])
    if inside is not None:
        share, csf = canvas.cover(inside), head.csf
        if blood is None:
            canvas.paint(csf, share)
        elif blood.cast:
            canvas.paint(blood.hounsfield, share, "intraventricular")
        else:
            settled = canvas.cover(blood.surface - points.grid.drop, 2.0)
            above = csf + blood.tint
            mixed = above + settled * (blood.hounsfield - above)
            canvas.paint(mixed, share, "intraventricular", settled)
    if -4 < level < 22:
        wall = np.minimum(0.5 - points.away, np.minimum(points.y - 6, 34 - points.y))
        canvas.paint(head.white, canvas.cover(wall) * np.float32(0.8))
    for centre, radius in (((24, -33, 6), head.choroid), ((0, -21, 0), head.pineal)):
        spot = ellipsoid(points, centre, (radius, radius, 8.0)) if radius else None
        if spot is not None:
            canvas.paint(CALCIFIED, canvas.cover(spot))


def _paint_midline(canvas: Canvas, points: Slice, found: Haemorrhages) -> None:
    """Paint the falx, the sagittal sinus behind, and subdural blood along it."""
    stretch = in_fissure(points)
    clot = found.subdural
    if clot is not None and clot.falx and points.level > -6:
        beside = np.float32(np.sign(clot.angle)) * points.x - clot.falx / 2
        leaf = np.minimum(clot.falx / 2 - np.abs(beside), stretch - 2)
        leaf = np.minimum(leaf, -4 - points.y)
        canvas.paint(clot.hounsfield, canvas.cover(leaf), "subdural")
    if points.level > -14:
        leaf = np.minimum(0.7 - points.away, stretch - 3)
        canvas.paint(points.head.falx, canvas.cover(leaf) * np.float32(0.8))
    behind = np.minimum(7 - points.depth - 1.3 * points.away, -points.y)
    canvas.paint(SINUS, canvas.cover(behind))
