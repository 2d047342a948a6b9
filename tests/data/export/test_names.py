"""Any ids become file names that every file system takes, and stay apart."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthjax.data.export.names import safe_names

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
awkward = st.text(st.sampled_from("aA0/.\\- _:ü\n\0*"), min_size=1, max_size=8)


@given(st.lists(st.text(min_size=1, max_size=40) | awkward, max_size=12, unique=True))
@settings(max_examples=100, deadline=None)
def test_names_are_safe_and_apart_even_where_case_is_lost(ids):
    longest = 24
    names = safe_names(ids, max_length=longest)
    assert len({name.lower() for name in names}) == len(ids)
    for name in names:
        assert NAME.fullmatch(name) and len(name) <= longest
        assert not name.endswith(".")


@pytest.mark.parametrize(
    ("identity", "name"),
    [
        ("synthetic-train-000012", "synthetic-train-000012"),
        ("patient1/study1/view1_frontal.jpg", "patient1_study1_view1_frontal"),
        ("1.2.840.113.7", "1.2.840.113.7"),
        ("../../etc/passwd", "_.._.._etc_passwd"),
        ("C:\\scan", "C_scan"),
        ("con.png", "_con"),
        (".png", "_"),
    ],
)
def test_a_name_is_readable(identity, name):
    assert safe_names([identity]) == [name]


def test_an_id_that_is_spelled_like_the_name_of_another_takes_none():
    ids = ["a/b", "a_b"]
    spelled = safe_names(ids)
    assert all(re.fullmatch("a_b-[0-9a-f]{12}", name) for name in spelled)
    everyone = [*ids, spelled[0]]
    assert len(set(safe_names(everyone))) == 3
