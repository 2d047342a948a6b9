"""A scratch file of byte strings: what a set looks like before it is split.

Records arrive in the order of their source and leave sorted and split by patient. The
spool holds the encoded images on disk in between, so memory stays bounded by the rows.
"""

import os
from pathlib import Path


class Spool:
    """Append byte strings, read any of them back by its number."""

    def __init__(self, path: Path):
        self._file = open(path, "w+b")  # noqa: SIM115 (until close)
        self._ends = [0]

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, data: bytes) -> int:
        """Append one byte string; returns its number."""
        self._file.write(data)
        self._ends.append(self._ends[-1] + len(data))
        return len(self) - 1

    def size(self, number: int) -> int:
        """Length of byte string `number`."""
        return self._ends[number + 1] - self._ends[number]

    def read(self, number: int) -> bytes:
        """Byte string `number`, as it was added."""
        start, end = self._ends[number], self._ends[number + 1]
        self._file.flush()
        return os.pread(self._file.fileno(), end - start, start)

    def close(self) -> None:
        """Close the file; deleting it is its directory's business."""
        self._file.close()
