"""Values that no image of the set should have: blank, dark, clipped, inverted, tinted."""

from collections.abc import Iterator, Sequence

import numpy as np

from synthjax.data.doctor.findings import WARNING, Finding
from synthjax.data.doctor.looks import Look
from synthjax.data.listing import Metadata

_DARK = 0.15  # of 0..1: an image whose brightest value is below is hardly seen
_WHITE = 0.5  # of the values: an image with more of them white is clipped
_COARSE = 6.0  # times fewer grey levels than usual
_RARE = 0.05  # of the images: more of a kind are no exception
_ENOUGH = 20  # images: among fewer nothing stands out
_ALIKE = 0.4  # correlation with the median image: sets with less vary freely
_OPPOSITE = -0.4  # correlation with the median image, of a negative


def describe_values(looks: Sequence[Look]) -> Iterator[tuple[str, str]]:
    """Ranges of the values, in words."""
    if not looks:
        return
    low, high = min(look.low for look in looks), max(look.high for look in looks)
    means = np.array([look.mean for look in looks])
    black = np.mean([look.black for look in looks])
    white = np.mean([look.white for look in looks])
    text = (
        f"{low:.2f} to {high:.2f} (0 is black, 1 white), mean {means.mean():.2f}, of "
        f"single images {means.min():.2f} to {means.max():.2f}; {black:.1%} of the "
        f"pixels are black, {white:.1%} white"
    )
    yield "values", text


def examine_values(
    rows: Metadata, looks: Sequence[Look], colour_is_rare: bool | None
) -> Iterator[Finding]:
    """What is odd in the values.

    Args:
        looks: at the images that were decoded.
        colour_is_rare: in the source's files; None: not known.
    """
    if colour_is_rare is None:
        colour_is_rare = _are_rare([look for look in looks if look.coloured], looks)
    shown = [look for look in looks if not look.flat]

    def report(kind: str, odd: list[Look], say: str, remedy: str) -> Iterator[Finding]:
        if odd:
            places = (f"{rows.id[look.number]}: {say.format(look)}" for look in odd)
            yield Finding(WARNING, kind, tuple(places), remedy)

    yield from report(
        "constant image",
        [look for look in looks if look.flat],
        "all values are {0.low:.2f} to {0.high:.2f}",
        "It shows nothing: export it again, or remove its row.",
    )
    yield from report(
        "nearly black",
        [look for look in shown if look.high < _DARK],
        "its brightest value is {0.high:.2f} of 1",
        "Fewer bits are used than the file has, or config.data.pixels.white is too "
        "large: set it to the value to be shown white (4095 for 12 bits).",
    )
    yield from report(
        "clipped to white",
        [look for look in shown if look.white > _WHITE],
        "{0.white:.0%} of its pixels are white",
        "It is overexposed, a negative, or config.data.pixels.white is too small: look "
        "at it and export it again.",
    )
    yield from report(
        "few grey levels",
        _coarse(shown),
        "it has {0.levels} different values, far fewer than the others",
        "Look at it: a mask, or saved with fewer bits? Export it again, or remove its "
        "row.",
    )
    yield from report(
        "negative image",
        _negatives(shown),
        "it is dark where the others are bright",
        "Invert it (MONOCHROME1, exported as it is stored?), or remove its row.",
    )
    yield from report(
        "colour among grey",
        [look for look in looks if look.coloured and colour_is_rare],
        "it has coloured pixels",
        "Look at it: screenshots and burned-in annotations are coloured. Export it "
        "again without them, or remove its row.",
    )


def _are_rare(odd: Sequence[Look], looks: Sequence[Look]) -> bool:
    return len(looks) >= _ENOUGH and len(odd) <= _RARE * len(looks)


def _coarse(shown: list[Look]) -> list[Look]:
    """The few images with far fewer grey levels than the others."""
    if not shown:
        return []
    usual = float(np.median([look.levels for look in shown]))
    odd = [look for look in shown if look.levels * _COARSE < usual]
    return odd if _are_rare(odd, shown) else []


def _negatives(shown: list[Look]) -> list[Look]:
    """Images that are the opposite of the median image, where images are alike."""
    if len(shown) < _ENOUGH:
        return []
    thumbs = np.stack([look.thumb for look in shown])
    thumbs = thumbs - thumbs.mean(axis=1, keepdims=True)
    thumbs /= np.maximum(np.linalg.norm(thumbs, axis=1, keepdims=True), 1e-6)
    median = np.median(thumbs, axis=0)
    likeness = thumbs @ (median / max(float(np.linalg.norm(median)), 1e-6))
    if np.median(likeness) < _ALIKE:
        return []
    return [look for look, r in zip(shown, likeness, strict=True) if r < _OPPOSITE]
