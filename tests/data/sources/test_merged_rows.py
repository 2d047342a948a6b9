"""Which images are listed does not depend on the order of a table's rows."""

import math
from collections import Counter
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from synthjax.data.problems import LABEL_UNKNOWN, Problems
from synthjax.data.sources.merged_rows import SAME_ROW, MergedRows
from synthjax.data.sources.tree import Fault


class Row(NamedTuple):
    where: str
    label: float


ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from([0.0, 1.0, math.nan, None])),
    max_size=8,
)


def merge(rows):
    problems, counts = Problems("skip", 1.0), Counter()
    merged = MergedRows[Row](problems, counts)
    for number, (key, label) in enumerate(rows):
        where = f"{key} in row {number}"
        fault = Fault(LABEL_UNKNOWN, "its label is none")
        merged.add(key, where, fault if label is None else Row(where, label))
    return merged.images(), problems, counts[SAME_ROW]


@settings(max_examples=100)
@given(rows=ROWS, random=st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows, random):
    said: dict[str, set[str]] = {}
    for key, label in rows:
        said.setdefault(key, set()).add(str(label))
    good = {key for key, values in said.items() if len(values - {"None"}) == 1}
    good -= {key for key, values in said.items() if "None" in values}
    for _ in range(3):
        images, problems, same = merge(rows)
        assert {image.where[0] for image in images} == good
        assert problems.summary()["count"] == len(said) - len(good)
        assert same >= sum(key in good for key, _ in rows) - len(good)
        random.shuffle(rows)


def test_a_contradiction_names_both_rows():
    _, problems, _ = merge([("a", 0.0), ("b", 1.0), ("a", 1.0)])
    (problem,) = problems.found
    assert problem.where == "a in row 2"
    assert "also in a in row 0" in problem.what and "keep one" in problem.what
