"""How large an image file may say it is: checked before anything is decoded."""

from pathlib import Path

from synthjax.data.problems import BadImageError

MOST_PIXELS = 100_000_000  # height * width; the largest detectors have 20 million
MOST_VALUES = 150_000_000  # height * width * channels, each a float32 in memory
MOST_SIDE = 65_535  # pixels; JPEG and DICOM have no longer side


def check_size(path: Path, height: int, width: int, channels: int = 1) -> None:
    """Raises BadImageError for a size that is not positive, or that of a zip bomb.

    What comes after makes no more of an image than this bounds: its values, and its
    longer side times the side of a set (`pixels.fit`).

    Args:
        height, width: as the header of the file says, pixels.
        channels: of what is made of it, 1 or 3.
    """
    claim = f"claims to have {height} x {width} pixels"
    if height < 1 or width < 1:
        raise BadImageError(path, f"{claim}; replace the file.")
    remedy = "replace the file, or shrink the image."
    if max(height, width) > MOST_SIDE:
        raise BadImageError(path, f"{claim}, more than {MOST_SIDE} on a side; {remedy}")
    if height * width > MOST_PIXELS:
        raise BadImageError(path, f"{claim}, more than {MOST_PIXELS} in all; {remedy}")
    if height * width * channels > MOST_VALUES:
        raise BadImageError(
            path,
            f"{claim} in {channels} channels, more than {MOST_VALUES} values in all; "
            f"{remedy}",
        )
