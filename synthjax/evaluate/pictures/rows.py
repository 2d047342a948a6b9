"""Images in a row, large enough to look at, with white between them."""

import numpy as np
from jaxtyping import UInt8

SIDE = 96  # pixels that an image is enlarged to, at least
GAP = 6  # white pixels between images
WIDE = 18  # white pixels where two parts of a row meet


def repeat_pixels(image_u8: UInt8[np.ndarray, "h w c"]) -> UInt8[np.ndarray, "H W c"]:
    """Repeat each pixel until the image is about `SIDE` pixels wide, no smaller."""
    times = -(-SIDE // image_u8.shape[1])
    return image_u8.repeat(times, axis=0).repeat(times, axis=1)


def picture_row(
    parts: list[list[UInt8[np.ndarray, "h w c"]]],
) -> UInt8[np.ndarray, "H W c"]:
    """Lay images of one size in a row, with a wider gap between the parts.

    Grey images (one channel) become RGB if any of the others is.
    """
    channels = max(image.shape[-1] for part in parts for image in part)
    columns: list[np.ndarray] = []
    for part in parts:
        for place, image in enumerate(part):
            large = repeat_pixels(np.broadcast_to(image, (*image.shape[:2], channels)))
            if columns:
                gap = GAP if place else WIDE
                columns.append(np.full((len(large), gap, channels), 255, np.uint8))
            columns.append(large)
    return np.concatenate(columns, axis=1)
