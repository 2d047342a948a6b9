"""Words to label rows and back; what is wrong is said with a way out."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from synthjax.core.errors import StudyError
from synthjax.synth.gallery.label_words import parse, parse_many, words

NAMES = ("No Finding", "Cardiomegaly", "Edema", "Pleural Effusion", 'a, "b"; c=1')


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("", [0, 0, 0, 0, 0]),
        ("none", [0, 0, 0, 0, 0]),
        (" NONE ", [0, 0, 0, 0, 0]),
        ("Cardiomegaly", [0, 1, 0, 0, 0]),
        ("Cardiomegaly,Edema=0.5", [0, 1, 0.5, 0, 0]),
        (" edema = .25 , PLEURAL effusion", [0, 0, 0.25, 1, 0]),
        ("Edema=0,Cardiomegaly=1", [0, 1, 0, 0, 0]),
        ('"Edema",No Finding', [1, 0, 1, 0, 0]),
        ('"a, ""b""; c=1"=0.75,Edema', [0, 0, 1, 0, 0.75]),
    ],
)
def test_words_become_a_row(text, row):
    parsed = parse(text, NAMES)
    assert parsed.dtype == np.float32
    np.testing.assert_array_equal(parsed, np.float32(row))


def test_several_rows():
    rows = parse_many('Cardiomegaly,Edema=0.5;;"a, ""b""; c=1"', NAMES)
    np.testing.assert_array_equal(rows, [[0, 1, 0.5, 0, 0], [0] * 5, [0, 0, 0, 0, 1]])
    assert parse_many("", NAMES).shape == (1, 5)
    assert parse_many("none", ()).shape == (1, 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Cardiomegally", 'no label "Cardiomegally".*Did you mean "Cardiomegaly"?'),
        ("edma=0.5", 'Did you mean "Edema".*No Finding, Cardiomegaly, Edema'),
        ("xyz", 'this study has no label "xyz". The labels: No Finding'),
        ("Edema=1.5", '"Edema=1.5".*between 0 .* and 1 .*not 1.5'),
        ("Edema=-0.1", "not -0.1"),
        ("Edema=nan", "not nan"),
        ("Edema=?", r"not \?"),
        ("Edema=", "not empty"),
        ("Edema=a=b", "not a=b"),
        ("Edema,", "a label is missing at a comma"),
        ("Edema,edema=0.5", '"Edema" is given twice'),
        ('"Edema', "a double quote is open"),
        ('Ed"em"a', "cannot be read"),
        ("none,Edema", 'no label "none"'),
    ],
)
def test_what_is_wrong_is_named(text, said):
    with pytest.raises(StudyError, match=said):
        parse(text, NAMES)


def test_no_labels_at_all():
    assert parse("", ()).shape == (0,)
    with pytest.raises(StudyError, match="trained without any"):
        parse("Edema", ())


def test_case_decides_where_names_differ_in_nothing_else():
    names = ("Mass", "mass", "none")
    np.testing.assert_array_equal(parse("mass", names), [0, 1, 0])
    with pytest.raises(StudyError, match="may be Mass or mass"):
        parse("MASS", names)
    np.testing.assert_array_equal(parse("none", names), [0, 0, 1])
    np.testing.assert_array_equal(parse("", names), [0, 0, 0])


@pytest.mark.slow
@example((("NONE",), [0]))
@given(
    st.lists(st.text(min_size=1), min_size=1, unique_by=str.lower).flatmap(
        lambda names: st.tuples(
            st.just(tuple(names)),
            st.lists(
                st.sampled_from([0, 0.125, 0.5, 0.999, 1]),
                min_size=len(names),
                max_size=len(names),
            ),
        )
    )
)
def test_words_say_what_parse_reads(case):
    names, values = case
    row = np.float32(values)
    np.testing.assert_allclose(parse(words(row, names), names), row, rtol=1e-6)
