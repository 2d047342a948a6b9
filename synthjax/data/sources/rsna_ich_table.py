"""stage_2_train.csv of the RSNA haemorrhage set: six rows for each slice, joined."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from synthjax.core.errors import StudyError
from synthjax.core.findings import HAEMORRHAGES
from synthjax.data.problems import (
    LABEL_UNKNOWN,
    ROW_MALFORMED,
    ROWS_CONTRADICT,
    Problems,
)
from synthjax.data.sources.merged_rows import SAME_ROW
from synthjax.data.sources.tables import MALFORMED, CsvTable

COLUMNS = (*HAEMORRHAGES, "any")  # of the table, in the order of its rows
ABSENT, FAULTY = 2, 3  # beside 0 and 1: no row yet; reported, to be left out
_PLACES = {name: place for place, name in enumerate(COLUMNS)}
_STATED = {"0": 0, "1": 1}
_REMEDY = (
    "It comes with the download of the competition; config.data.rsna_ich.labels_csv "
    "says its name."
)
FIX = "correct the table, or download it again"


class SliceTable(NamedTuple):
    """The table, one slice per row."""

    place: dict[str, int]  # id -> its place in `stated`, in the order of the file
    stated: UInt8[np.ndarray, "n 6"]  # in the order of COLUMNS: 0, 1, ABSENT, FAULTY


def read_table(path: Path, problems: Problems, facts: Counter[str]) -> SliceTable:
    """Reads the table and joins the six rows of each slice.

    Args:
        problems: gets what is wrong with a row.
        facts: gets how many rows there are, and how many repeat an earlier one.
    """
    table = CsvTable(path, required=("ID", "Label"), remedy=_REMEDY)
    indices: dict[str, int] = {}
    stated = bytearray()
    unset = bytes([ABSENT]) * len(COLUMNS)
    rows = merged = 0
    for line, cells in table.filled_rows(("ID", "Label")):
        rows += 1
        where = f"row {line} of {path.name}"
        name, value = cells or ("", "")
        identity, _, kind = name.rpartition("_")
        if not identity or kind not in _PLACES:
            what = f"the ID {name!r} does not end in one of {', '.join(COLUMNS)}; {FIX}"
            # The slice that it belongs to is counted where it lacks the row.
            problems.add(ROW_MALFORMED, where, what if cells else MALFORMED, images=0)
            continue
        begin = indices.setdefault(identity, len(indices)) * len(COLUMNS)
        place = begin + _PLACES[kind]
        if place >= len(stated):
            stated += unset
        state, earlier = _STATED.get(value, FAULTY), stated[place]
        if state == earlier != FAULTY:
            merged += 1
            continue
        lost = FAULTY in stated[begin : begin + len(COLUMNS)]
        stated[place] = state if earlier == ABSENT else FAULTY
        if state == FAULTY:
            what = f"the label of {name} is {value!r}; it must be 0 or 1"
            problems.add(LABEL_UNKNOWN, where, what, images=int(not lost))
        elif earlier != ABSENT:
            what = f"{name} is {value} here and was not in an earlier row; keep one"
            problems.add(ROWS_CONTRADICT, where, what, images=int(not lost))
    if not rows:
        raise StudyError(f"{path} has a header but no rows. {_REMEDY}")
    facts.update({"rows of the table": rows, SAME_ROW: merged})
    return SliceTable(
        indices, np.frombuffer(bytes(stated), np.uint8).reshape(-1, len(COLUMNS))
    )
