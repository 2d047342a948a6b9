"""The resolutions that networks work at: powers of two."""

from synthjax.core.errors import ConfigError


def resolutions(resolution: int) -> list[int]:
    """Returns the sides of the blocks, px: 4, 8, ... up to `resolution`."""
    return [2**i for i in range(2, resolution.bit_length())]


def check_resolution(resolution: int) -> None:
    """Checks that networks can make images of `resolution` px.

    Raises:
      ConfigError: it is not a power of two of at least 8 px.
    """
    if resolution < 8 or resolution & (resolution - 1):
        raise ConfigError(
            f"resolution={resolution}: must be a power of two of at least 8 px"
        )
