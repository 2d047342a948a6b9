"""A config as it may be handed on: the user's files and folders are not named."""

import dataclasses
import hashlib
import re
from typing import Any

from synthjax.core.config import plain

_SUFFIXES = (".csv", ".gz", ".h5", ".npz", ".parquet", ".safetensors")
_PUBLIC = re.compile(rf"place-[0-9a-f]{{16}}({'|'.join(map(re.escape, _SUFFIXES))})?")


def public(config: Any) -> Any:
    """Returns what `plain` does, without the user's names of files and folders.

    In their place stands a digest, which says whether two are the same.
    """
    if not dataclasses.is_dataclass(config) or isinstance(config, type):
        return plain(config)
    return {
        declared.name: public_value(declared, getattr(config, declared.name))
        for declared in dataclasses.fields(config)
    }


def public_value(declared: dataclasses.Field, value: Any) -> Any:
    """Returns the value of a field, JSON-ready, as it may be handed on."""
    if not declared.metadata.get("is_place") or value == declared.default:
        return public(value)
    if isinstance(value, tuple):
        return [_digest_of_place(part) for part in value]
    return _digest_of_place(value)


def is_public_place(value: Any) -> bool:
    """Whether a value is the digest that stands for a file or folder."""
    return isinstance(value, str) and bool(_PUBLIC.fullmatch(value))


def _digest_of_place(place: str) -> str:
    """Returns the digest of a name; of what is a digest already, that one."""
    if not place or is_public_place(place):
        return place
    suffix = next((s for s in _SUFFIXES if place.lower().endswith(s)), "")
    digest = hashlib.sha256(place.encode(errors="surrogateescape")).hexdigest()
    return f"place-{digest[:16]}{suffix}"
