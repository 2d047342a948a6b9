"""Values that no image of the set should have: blank, dark, clipped, inverted, tinted."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from synthjax.data.doctor.diagnostics import WARNING, Diagnostic
from synthjax.data.doctor.headers import count_channels, listed
from synthjax.data.doctor.stats import ImageStats
from synthjax.data.listing import Metadata

_DARK = 0.15  # of 0..1: an image whose brightest value is below is hardly seen
_WHITE = 0.5  # of the values: an image with more of them white is clipped
_COARSE = 6.0  # times fewer grey levels than usual
_RARE = 0.05  # of the images: more of a kind are no exception
_ENOUGH = 20  # images: among fewer nothing stands out
_ALIKE = 0.4  # correlation with the median image: sets with less vary freely
_OPPOSITE = -0.4  # correlation with the median image, of a negative


def describe_shapes(stats: Sequence[ImageStats]) -> Iterator[tuple[str, str]]:
    """Say how large the decoded images are, where no header of a file says it."""
    sizes = Counter(f"{image.shape[0]} x {image.shape[1]}" for image in stats)
    yield "height x width", listed(sizes)
    yield "channels", listed(count_channels([image.shape[2] for image in stats]))


def describe_values(stats: Sequence[ImageStats]) -> Iterator[tuple[str, str]]:
    """Say which values the images have."""
    if not stats:
        return
    low, high = min(image.low for image in stats), max(image.high for image in stats)
    means = np.array([image.mean for image in stats])
    black = np.mean([image.black for image in stats])
    white = np.mean([image.white for image in stats])
    text = (
        f"{low:.2f} to {high:.2f} (0 is black, 1 white), mean {means.mean():.2f}, of "
        f"single images {means.min():.2f} to {means.max():.2f}; {black:.1%} of the "
        f"pixels are black, {white:.1%} white"
    )
    yield "values", text


class _Kind(NamedTuple):
    """A kind of odd values, and the images that have them."""

    name: str
    odd: list[ImageStats]
    said: str  # of an image, which is {0}
    remedy: str


def check_values(
    metadata: Metadata,
    stats: Sequence[ImageStats],
    colour_is_rare: bool | None,
    channels: int,
) -> Iterator[Diagnostic]:
    """Find images whose values are odd.

    Args:
        metadata: of all images.
        stats: of the images that were decoded.
        colour_is_rare: in the source's files; None: not known.
        channels: of the set that a build would make.
    """
    if colour_is_rare is None:
        colour_is_rare = _are_rare([one for one in stats if one.coloured], stats)
    kinds = (
        *_odd_brightness(stats),
        *_odd_levels([image for image in stats if not image.flat]),
        *_odd_colour(stats, colour_is_rare, channels),
    )
    for kind in kinds:
        if kind.odd:
            places = (
                f"{metadata.id[one.index]}: {kind.said.format(one)}" for one in kind.odd
            )
            yield Diagnostic(WARNING, kind.name, tuple(places), kind.remedy)


def _odd_brightness(stats: Sequence[ImageStats]) -> Iterator[_Kind]:
    """Find constant images, dark ones and white ones."""
    shown = [image for image in stats if not image.flat]
    yield _Kind(
        "constant image",
        [image for image in stats if image.flat],
        "all values are {0.low:.2f} to {0.high:.2f}",
        "It shows nothing: export it again, or remove its row.",
    )
    yield _Kind(
        "nearly black",
        [image for image in shown if image.high < _DARK],
        "its brightest value is {0.high:.2f} of 1",
        "Fewer bits are used than the file has, or config.data.pixels.white is too "
        "large: set it to the value to be shown white (4095 for 12 bits).",
    )
    yield _Kind(
        "clipped to white",
        [image for image in shown if image.white > _WHITE],
        "{0.white:.0%} of its pixels are white",
        "It is overexposed, a negative, or config.data.pixels.white is too small: look "
        "at it and export it again.",
    )


def _odd_levels(shown: list[ImageStats]) -> Iterator[_Kind]:
    """Find masks, images saved with fewer bits, and negatives."""
    coarse = _coarse(shown)
    yield _Kind(
        "two values only",
        [image for image in shown if image.levels == 2 and image not in coarse],
        "it has no values but {0.low:.2f} and {0.high:.2f}",
        "A mask? Remove its row, or leave it out (config.data.folder.leave_out).",
    )
    yield _Kind(
        "few grey levels",
        coarse,
        "it has {0.levels} different values, far fewer than the others",
        "Look at it: a mask, or saved with fewer bits? Export it again, or remove its "
        "row.",
    )
    yield _Kind(
        "negative image",
        _negatives(shown),
        "it is dark where the others are bright",
        "Invert it (MONOCHROME1, exported as it is stored?), or remove its row.",
    )


def _odd_colour(
    stats: Sequence[ImageStats], colour_is_rare: bool, channels: int
) -> Iterator[_Kind]:
    """Find colour that only few images have, or that the set drops."""
    yield _Kind(
        "colour among grey",
        [image for image in stats if image.coloured and colour_is_rare],
        "it has coloured pixels",
        "Look at it: screenshots and burned-in annotations are coloured. Export it "
        "again without them, or remove its row.",
    )
    yield _Kind(
        "colour is dropped",
        [one for one in stats if one.coloured and channels == 1 and not colour_is_rare],
        "it has colour, and the set has one channel",
        "config.data.channels=1; set it to 3 to keep the colour.",
    )


def _are_rare(odd: Sequence[ImageStats], stats: Sequence[ImageStats]) -> bool:
    """Tell whether the odd ones are few of many."""
    return len(stats) >= _ENOUGH and len(odd) <= _RARE * len(stats)


def _coarse(shown: list[ImageStats]) -> list[ImageStats]:
    """Return the few images with far fewer grey levels than the others."""
    if not shown:
        return []
    usual = float(np.median([image.levels for image in shown]))
    odd = [image for image in shown if image.levels * _COARSE < usual]
    return odd if _are_rare(odd, shown) else []


def _negatives(shown: list[ImageStats]) -> list[ImageStats]:
    """Return images that oppose the median image, where images are alike."""
    if len(shown) < _ENOUGH:
        return []
    thumbs = np.stack([image.thumb for image in shown])
    thumbs = thumbs - thumbs.mean(axis=1, keepdims=True)
    thumbs /= np.maximum(np.linalg.norm(thumbs, axis=1, keepdims=True), 1e-6)
    median = np.median(thumbs, axis=0)
    likeness = thumbs @ (median / max(float(np.linalg.norm(median)), 1e-6))
    if np.median(likeness) < _ALIKE:
        return []
    return [image for image, r in zip(shown, likeness, strict=True) if r < _OPPOSITE]
