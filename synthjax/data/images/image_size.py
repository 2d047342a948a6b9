"""How large an image file may say it is: checked before anything is decoded."""

from pathlib import Path

from synthjax.data.problems import BadImageError

MOST_PIXELS = 100_000_000  # height * width; the largest detectors have 20 million


def check_size(path: Path, height: int, width: int) -> None:
    """Raises BadImageError for a size that is not positive, or that of a zip bomb.

    Args:
        height, width: as the header of the file says, pixels.
    """
    if height < 1 or width < 1:
        raise BadImageError(
            path, f"claims to have {height} x {width} pixels; replace the file."
        )
    if height * width > MOST_PIXELS:
        raise BadImageError(
            path,
            f"claims to have {height} x {width} pixels, more than {MOST_PIXELS} in "
            "all; replace the file, or shrink the image.",
        )
