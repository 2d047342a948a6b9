"""What images, exams and patients are called in what a study hands on: numbers.

A hospital's file names, exam numbers and pseudonyms can say who a patient is. So an
image and an exam go by a number from the moment that the set is built; the pseudonym of
the patient stays in the real set, because a later build must know patients again, and
everything that is made of the set numbers the patients too.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from synthjax.data.listing import Listing

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


def number_listing(listing: Listing) -> Listing:
    """Returns the listing with numbers in place of the names of images and exams."""
    metadata = listing.metadata
    numbers = {
        "id": numbered(metadata.id),
        "study_id": numbered(metadata.study_id),
        "name": metadata.id,
    }
    if not listing.has_patients:  # each is called as its image
        numbers["patient_id"] = numbered(metadata.patient_id)
    return dataclasses.replace(
        listing, metadata=dataclasses.replace(metadata, **numbers)
    )
