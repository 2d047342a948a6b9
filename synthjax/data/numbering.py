"""What images, exams and patients are called in what a study hands on: numbers.

A hospital's file names, exam numbers and pseudonyms can say who a patient is. So an
image and an exam go by a number from the moment that the set is built; the pseudonym of
the patient stays in the real set, because a later build must know patients again, and
everything that is made of the set numbers the patients too.
"""

from collections.abc import Sequence

import numpy as np

_DIGITS = 6  # of a number, at least


def numbered(names: Sequence[str] | np.ndarray) -> np.ndarray:
    """Returns the number of each name, as text [n]: its rank among the distinct ones.

    Equal names have equal numbers, numbers are in the order of the names, and the
    numbers of numbers are themselves if none is missing. "" (unknown) stays "".
    """
    column = np.asarray(names, object)
    known = column != ""
    result = np.full(len(column), "", object)
    distinct = sorted(set(column[known].tolist()))
    digits = max(_DIGITS, len(str(len(distinct))))
    number = {name: f"{rank:0{digits}d}" for rank, name in enumerate(distinct)}
    result[known] = [number[name] for name in column[known].tolist()]
    return result
