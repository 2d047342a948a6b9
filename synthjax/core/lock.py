"""One process at a time in a directory."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from synthjax.core.errors import StudyError

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Keeps a second process out of a directory, which is made if it is missing.

    A directory that is made is the user's alone (0700): it holds images of patients.

    Raises:
      StudyError: the directory cannot be written, or another process has it.
    """
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(directory / ".lock", _FLAGS, 0o600)
    except OSError as error:
        raise StudyError(
            f"{directory} cannot be written ({error.strerror}); "
            "choose another --workdir"
        ) from None
    with open(descriptor, "r+", encoding="utf-8", errors="replace") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            raise StudyError(
                f"{directory} is in use by process {file.read(20).strip()}; wait "
                "for it, stop it, or choose another --workdir"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
