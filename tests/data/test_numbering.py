"""Numbers take the place of names, in their order."""

from hypothesis import given
from hypothesis import strategies as st

from synthjax.data.numbering import numbered


def test_a_number_is_the_rank_among_the_distinct_names():
    assert numbered(["b", "", "a", "b", "c"]).tolist() == [
        *("000001", "", "000000", "000001", "000002")
    ]
    assert numbered([]).tolist() == []


@given(st.lists(st.text(max_size=3), max_size=20))
def test_numbers_keep_who_is_who_and_their_order(names):
    numbers = numbered(names).tolist()
    assert numbered(numbers).tolist() == numbers
    for one, number in zip(names, numbers, strict=True):
        for other, another in zip(names, numbers, strict=True):
            assert (one == other) == (number == another)
            assert (one < other) == (number < another)
