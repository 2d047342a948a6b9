"""Image decoders of others: what they raise, or take too long for, is their file's."""

from contextlib import AbstractContextManager
from pathlib import Path

from synthjax.core.foreign import FILE_SECONDS, foreign
from synthjax.data.problems import BadImageError


def decoding(
    path: Path | str,
    what: str,
    remedy: str = "replace the file or remove its row",
    *,
    seconds: float = FILE_SECONDS,
) -> AbstractContextManager[None]:
    """Turns whatever is raised inside into a BadImageError of this file (`foreign`)."""
    return foreign(path, what, remedy, seconds=seconds, error=BadImageError)
