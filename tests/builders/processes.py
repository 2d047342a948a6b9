"""Stands in for other processes: what would go there and come back is pickled."""

import pickle


def pickled_map(function, items, count, *, processes):
    """Take the place of `ordered_map`, in this process."""
    for item in items:
        there, work = pickle.loads(pickle.dumps((function, item)))
        yield pickle.loads(pickle.dumps(there(work)))
