"""synthjax: can synthetic medical images stand in for real ones?

A study trains a label-conditional generator on real images, draws a synthetic twin of
the data set, trains the same classifier on both and measures the performance gap on
real test patients. See the README for the stages and `launch/` for the commands.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_LAZY = {  # public name -> the module that holds it, imported when it is asked for
    "new_study": "synthjax.sections",
    "published_study": "synthjax.sections",
}


def __getattr__(name: str) -> Any:
    """Returns a public name, importing its module at first use."""
    if name not in _LAZY:
        raise AttributeError(f"module 'synthjax' has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
