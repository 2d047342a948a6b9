"""How much there is on the disk."""

import stat
from pathlib import Path


def storage(folder: Path) -> int:
    """Returns the bytes of all files in a folder and below."""
    files = (path.lstat() for path in folder.rglob("*"))
    return sum(state.st_size for state in files if stat.S_ISREG(state.st_mode))


def in_bytes(size: int) -> str:
    """Writes a number of bytes in the unit that suits it."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6)):
        if size >= scale:
            return f"{size / scale:,.1f} {unit}"
    return f"{size / 1e3:,.1f} kB"
