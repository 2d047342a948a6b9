"""Other processes: their environment, and what takes their place."""

import os
import pickle
from pathlib import Path

TESTS = Path(__file__).parents[1]


def script_env():
    """Return the environment of a test file that runs as a script of its own."""
    paths = [os.environ.get("PYTHONPATH", ""), str(TESTS.parent), str(TESTS)]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def pickled_map(function, items, count, *, processes):
    """Take the place of `ordered_map`, in this process; all is pickled both ways."""
    for item in items:
        there, work = pickle.loads(pickle.dumps((function, item)))
        yield pickle.loads(pickle.dumps(there(work)))
