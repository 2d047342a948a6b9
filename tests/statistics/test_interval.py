"""Numbers as JSON has them."""

import json

import numpy as np

from synthjax.statistics.interval import Interval, number


def test_what_is_not_finite_is_null() -> None:
    nan, inf = float("nan"), float("inf")
    found = Interval(0.5, nan, inf).numbers()
    assert found == {"value": 0.5, "low": None, "high": None}
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert type(number(np.float64(0.25))) is float
