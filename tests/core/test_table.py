"""Tables line up, on a terminal and in Markdown, whatever their cells hold."""

import pytest

from synthjax.core.table import format_table

HEADERS = ("step", "ms", "collectives")
ROWS = [("discriminator", "1.25", "-"), ("R1", "10.00", "2 all-reduce")]


def test_columns_are_two_spaces_apart_and_stand_to_the_right():
    assert format_table(HEADERS, ROWS) == (
        "         step     ms   collectives\n"
        "discriminator   1.25             -\n"
        "           R1  10.00  2 all-reduce"
    )


def test_each_column_has_its_side_and_the_last_one_holds_for_the_rest():
    assert format_table(HEADERS, ROWS, align="lr") == (
        "step              ms   collectives\n"
        "discriminator   1.25             -\n"
        "R1             10.00  2 all-reduce"
    )
    assert format_table(HEADERS, ROWS, align="rrl").splitlines()[1] == (
        "discriminator   1.25  -"
    )
    with pytest.raises(ValueError, match="align='lc'"):
        format_table(HEADERS, ROWS, align="lc")


def test_first_column_is_cut_to_the_width():
    lines = format_table(HEADERS, ROWS, align="lr", width=30).splitlines()
    assert lines[1:] == [
        "discri...   1.25             -",
        "R1         10.00  2 all-reduce",
    ]
    assert format_table(HEADERS, ROWS, width=80) == format_table(HEADERS, ROWS)


def test_markdown_holds_any_text():
    rows = [("a | b", "two\nlines")]
    assert format_table(("label", "test"), rows, align="l", markdown=True) == (
        "| label | test |\n|---|---|\n| a \\| b | two lines |"
    )
    table = format_table(HEADERS, ROWS, align="lr", markdown=True)
    assert table.splitlines()[1] == "|---|---:|---:|"


def test_a_table_may_have_no_rows():
    assert format_table(HEADERS, []) == "step  ms  collectives"


def test_a_row_must_have_a_cell_for_each_header():
    with pytest.raises(ValueError, match="must be 3 cells"):
        format_table(HEADERS, [("R1", "1.00")])
