"""No text of a table begins like a formula, and each comes back as it was."""

import io

import pytest

from synthjax.core.csv_text import CsvWriter, defused, restored

FORMULAS = [
    *("=cmd|'/c calc'!A1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", " =1+1"),
    *("\x00=1", "\ufeff=1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201"),
]
TEXTS = ["", "Edema", "a=b", "'quoted'", "O'Brien", "1-2", "'", "''", "x\ty"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_shown_and_not_calculated(text):
    assert defused(text) == f"'{text}"


@pytest.mark.parametrize("text", TEXTS)
def test_other_texts_stay(text):
    assert defused(text) == text
    assert restored(text) == text


@pytest.mark.parametrize("text", [*FORMULAS, *TEXTS, "'=1", "''=1", "'\t"])
def test_what_is_written_is_read_back(text):
    assert restored(defused(text)) == text


def test_no_two_texts_are_written_alike():
    texts = {*FORMULAS, *TEXTS, *(f"'{text}" for text in FORMULAS)}
    assert len({defused(text) for text in texts}) == len(texts)


def test_numbers_are_written_as_they_are():
    file = io.StringIO()
    CsvWriter(file).writerows([["=1", -0.5, None, "a,b"], [-1, "-1", True, ""]])
    assert file.getvalue() == "'=1,-0.5,,\"a,b\"\n-1,'-1,True,\n"
