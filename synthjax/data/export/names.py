"""File names from ids: safe on every file system, unique, and readable."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence

_EXTENSION = re.compile(r"\.(png|jpe?g|tiff?|dcm|dicom)$", re.IGNORECASE)
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # Windows
_DIGEST = 12  # hexadecimal digits that tell apart ids which would share a name


def safe_names(ids: Sequence[str], *, max_length: int = 100) -> list[str]:
    """Returns a file name without extension for each id; a slash becomes "_".

    Letters, digits, "_", "-" and "." stay, so `patient1/view.png` becomes
    `patient1_view`. Ids that would share a name, also where upper and lower case are
    one, get a digest of the id behind it.

    Args:
        ids: unique.
        max_length: characters that a name may have.
    """
    names = [_safe(identity, max_length) for identity in ids]
    shared = Counter(name.lower() for name in names)
    unique = [
        name if shared[name.lower()] == 1 else _with_digest(name, identity, max_length)
        for name, identity in zip(names, ids, strict=True)
    ]
    if len({name.lower() for name in unique}) == len(unique):
        return unique
    # One id is spelled like the digest of another: then all get one.
    return [
        _with_digest(name, identity, max_length)
        for name, identity in zip(names, ids, strict=True)
    ]


def _safe(identity: str, max_length: int) -> str:
    name = _UNSAFE.sub("_", _EXTENSION.sub("", identity))[:max_length].rstrip(".")
    if not name or name[0] in ".-" or _DEVICES.match(name):
        name = f"_{name}"[:max_length]
    return name


def _with_digest(name: str, identity: str, max_length: int) -> str:
    digest = hashlib.sha256(identity.encode()).hexdigest()[:_DIGEST]
    return f"{name[: max_length - _DIGEST - 1]}-{digest}"
