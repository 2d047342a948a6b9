"""The versions of the software that a result depends on."""

import platform
from importlib import metadata

from synthjax.core.clock import say

_PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "grain")


def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    found = {"python": platform.python_version(), "synthjax": _package("synthjax")}
    return found | {name: _package(name) for name in _PACKAGES}


def say_other_versions(name: str, before: dict[str, str]) -> None:
    """Says which software differs between what was done before and what goes on."""
    now = versions()
    parts = [
        f"{package} {before.get(package, 'unknown')} then and {now[package]} now"
        for package in now
        if before.get(package) != now[package]
    ]
    say(f"{name}: it goes on under other software: {', '.join(parts)}")


def _package(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
