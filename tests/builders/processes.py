"""Other processes: their environment, and what takes their place."""

import os
import pickle
from pathlib import Path

TESTS = Path(__file__).parents[1]
_OLDER = "--xla_cpu_use_fusion_emitters=false"


def fast_compile(devices=1):
    """Return variables of a process that compiles in half the time or less.

    The numbers are as good, the code is slower.
    """
    flags = [
        f"--xla_force_host_platform_device_count={devices}",
        _OLDER,
    ]
    return {
        "XLA_FLAGS": " ".join(flags),
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "true",
    }


def fast_env():
    """Return the environment of a command of one device that compiles in less time."""
    return os.environ | fast_compile()


def user_env():
    """Return the environment of a command that is optimised as a user's is.

    XLA's older emitters compile it in two thirds of the time, to code that is as fast.
    """
    usual = {"XLA_FLAGS": _OLDER, "JAX_DISABLE_MOST_OPTIMIZATIONS": "false"}
    return os.environ | usual


def script_env():
    """Return the environment of a test file that runs as a script of its own."""
    paths = [os.environ.get("PYTHONPATH", ""), str(TESTS.parent), str(TESTS)]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def pickled_map(function, items, count, *, processes):
    """Take the place of `ordered_map`, in this process; all is pickled both ways."""
    for item in items:
        there, work = pickle.loads(pickle.dumps((function, item)))
        yield pickle.loads(pickle.dumps(there(work)))
