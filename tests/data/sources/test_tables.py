"""Tables are read as csv reads them, and a faulty row costs itself alone."""

import csv
import gzip
import io
import re
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthjax.core.errors import StudyError
from synthjax.data.sources.tables import CsvTable

CELLS = st.text(
    st.characters(exclude_characters="\r\n", exclude_categories=("Cs",)), max_size=6
)


def rows_of(path, content, columns=("a", "b"), **options):
    path.write_bytes(content)
    return list(CsvTable(path, required=columns, **options).rows(columns))


@settings(max_examples=60)
@given(
    rows=st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=8),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_whatever_csv_writes_comes_back(tmp_path_factory, rows, quoting, end):
    path = tmp_path_factory.getbasetemp() / "table.csv"
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=quoting, lineterminator=end)
    writer.writerows([("a", "b", "c"), *rows])
    found = rows_of(path, text.getvalue().encode(), ("c", "a"))
    assert [cells for _, cells in found] == [[c.strip(), a.strip()] for a, _, c in rows]
    assert [line for line, _ in found] == list(range(2, len(rows) + 2))


def test_a_stray_quote_spoils_its_row_alone(tmp_path):
    content = b'a,b\n1,"x\n2,y\n3,"z\n4,w\n5,"v"u\n6,t"t\n'
    assert rows_of(tmp_path / "t.csv", content) == [
        (2, None),
        (3, ["2", "y"]),
        (4, None),
        (5, ["4", "w"]),
        (6, None),
        (7, ["6", 't"t']),
    ]


def test_texts_over_lines_are_read_where_they_are_to_be(tmp_path):
    content = b'a,b\n1,"x\ny"\n\n2,z\n'
    path = tmp_path / "t.csv"
    assert rows_of(path, content, multiline=True) == [
        (3, ["1", "x\ny"]),
        (5, ["2", "z"]),
    ]
    assert rows_of(path, content)[:2] == [(2, None), (3, None)]
    with pytest.raises(StudyError, match=r"t.csv cannot be read as a table"):
        rows_of(path, b'a,b\n1,"x\n2,z\n', multiline=True)


def test_a_quote_in_the_header_is_named(tmp_path):
    with pytest.raises(StudyError, match=r"t.csv: a quote in the header"):
        rows_of(tmp_path / "t.csv", b'a,"b\n1,2\n')


@pytest.mark.parametrize("multiline", [True, False])
def test_a_line_without_end_is_not_read_whole(tmp_path, multiline):
    """A packed table may hold gigabytes of them."""
    path = tmp_path / "t.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"a,b\n")
        for _ in range(50):
            file.write(bytes([120]) * 1_000_000)
    table = CsvTable(path, required=("a", "b"), multiline=multiline)
    tracemalloc.start()
    try:
        with pytest.raises(StudyError, match=r"line 2 of .*t.csv.gz has more than"):
            list(table.rows(("a", "b")))
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_columns_without_a_name_may_be_several(tmp_path):
    path = tmp_path / "t.csv"
    assert rows_of(path, b"a,b,,\n1,2,,\n") == [(2, ["1", "2"])]
    with pytest.raises(StudyError, match=re.escape("['a'] come twice")):
        rows_of(path, b"a,b,a\n")
