"""What is odd in the rows before a pixel is read: ids, patients, studies, names."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float32, Int

from synthjax.data.doctor.findings import ERROR, NOTE, WARNING, Finding
from synthjax.data.listing import Listing, Metadata

_YEARS = 1.5  # that ages in one study may differ by; they are rounded
_LIFETIME = 40.0  # years that the images of one patient may span
_MOST = 10  # times the images of a usual patient: more hint at a placeholder
_SHARE = 0.05  # of all images: one patient with fewer is no placeholder
_NUMBERED = 0.5  # of the studies: if more are shared, they are numbered per patient
_PLACEHOLDERS = frozenset(
    ("anon", "anonymous", "anonymized", "anonymised", "unknown", "none", "nan", "null")
    + ("na", "n/a", "-", "?", "xxx")
)
_PERSON = re.compile(r"[^\W\d_]{2,}(\^|,\s*)[^\W\d_]{2,}.*")  # DOE^JANE; Doe, Jane


def examine_rows(listing: Listing) -> Iterator[Finding]:
    """Findings of the ids, patients, studies and names of the rows."""
    rows = listing.metadata
    yield from _names(rows)
    yield from _ids(rows)
    if listing.has_patients:
        yield from _persons(rows)
        yield from _variants(rows)
        yield from _placeholders(rows)
        yield from _attributes(rows)
        yield from _studies(rows)


def shown_patient(patient: str) -> str:
    """A patient id for a message; one that looks like a name is not repeated."""
    return "(a name)" if _PERSON.fullmatch(patient) else repr(patient)


def _numbered(*columns: np.ndarray) -> tuple[list[tuple[str, ...]], np.ndarray]:
    """The different values of the columns together, and the number of each row's."""
    numbers: dict[tuple[str, ...], int] = {}
    code = [numbers.setdefault(key, len(numbers)) for key in zip(*columns, strict=True)]
    return list(numbers), np.array(code, np.int64)


def _spans(
    age: Float32[np.ndarray, " n"], group: Int[np.ndarray, " n"], groups: int
) -> tuple[Float32[np.ndarray, " g"], Float32[np.ndarray, " g"]]:
    """Lowest and highest age of each group; NaN where none is known."""
    low, high = np.full((2, groups), np.nan, np.float32)
    np.fmin.at(low, group, age)
    np.fmax.at(high, group, age)
    return low, high


def _names(rows: Metadata) -> Iterator[Finding]:
    """File names that cannot be stored, or not on every system."""
    unstorable, odd = [], []
    for origin, name in zip(rows.origin, rows.id, strict=True):
        text = f"{origin}{name}"
        if not text.isascii() and text != text.encode(errors="replace").decode():
            unstorable.append(origin)
        elif not text.isprintable() or "\\" in text or text != text.strip():
            odd.append(repr(origin))
    remedy = "Rename the file (and correct its row): letters, digits, - _ . are safe."
    if unstorable:
        yield Finding(ERROR, "file name is not UTF-8", tuple(unstorable), remedy)
    if odd:
        yield Finding(WARNING, "odd file name", tuple(odd), remedy)


def _ids(rows: Metadata) -> Iterator[Finding]:
    if len({name.casefold() for name in rows.id}) == len(rows):
        return
    folded: dict[str, set[str]] = defaultdict(set)
    for name in rows.id:
        folded[name.casefold()].add(name)
    twice = [" and ".join(sorted(names)) for names in folded.values() if len(names) > 1]
    if twice:
        yield Finding(
            WARNING,
            "ids that differ by case alone",
            tuple(twice),
            "On many systems they are one file: rename one of them.",
        )


def _persons(rows: Metadata) -> Iterator[Finding]:
    """Patient ids that look like names; they are not repeated here."""
    named = np.flatnonzero([bool(_PERSON.fullmatch(p)) for p in rows.patient_id])
    if len(named):
        yield Finding(
            WARNING,
            "patient id looks like a name",
            tuple(f"the patient of {rows.origin[number]}" for number in named),
            "Ids go into the built set as they are: replace them by pseudonyms.",
        )


def _variants(rows: Metadata) -> Iterator[Finding]:
    """Patient ids that may mean one patient: P7 and p7, 7 and 007 and 7.0."""
    spelled = defaultdict(set)
    for patient in set(rows.patient_id):
        spelled[_plain(patient)].add(patient)
    groups = [sorted(ids) for ids in spelled.values() if len(ids) > 1]
    if groups:
        yield Finding(
            WARNING,
            "patient ids nearly the same",
            tuple(" and ".join(map(shown_patient, ids)) for ids in sorted(groups)),
            "If they are one patient, write one id: two can come into two splits.",
        )


def _plain(patient: str) -> str:
    text = "".join(patient.split()).casefold()
    if re.fullmatch(r"\d+\.0", text):
        text = text[:-2]
    return re.sub(r"\d+", lambda digits: digits[0].lstrip("0") or "0", text)


def _placeholders(rows: Metadata) -> Iterator[Finding]:
    counts = Counter(rows.patient_id.tolist())
    usual = float(np.median(list(counts.values())))
    found = [
        f"{shown_patient(patient)} has {count:,} of {len(rows):,} images"
        for patient, count in counts.most_common()
        if count > 1
        and (
            patient.strip().casefold() in _PLACEHOLDERS
            or (count > _MOST * usual and count > _SHARE * len(rows))
        )
    ]
    if found:
        yield Finding(
            WARNING,
            "patient id looks like a placeholder",
            tuple(found),
            "They all go into one split: give each patient an id of their own.",
        )


def _attributes(rows: Metadata) -> Iterator[Finding]:
    """Patients whose images contradict each other."""
    keys, group = _numbered(rows.patient_id)
    shown = [shown_patient(patient) for (patient,) in keys]
    has = [np.bincount(group, rows.sex == sex) > 0 for sex in ("F", "M")]
    both = np.flatnonzero(has[0] & has[1]).tolist()
    sexes = [f"patient {shown[number]} is F and M" for number in both]
    low, high = _spans(rows.age, group, len(keys))
    ages = [
        f"patient {shown[number]} is {low[number]:g} to {high[number]:g} years old"
        for number in np.flatnonzero(high - low > _LIFETIME).tolist()
    ]
    remedy = "Correct the table, or give the images to the patients they are of."
    if sexes:
        yield Finding(WARNING, "patient of two sexes", tuple(sexes), remedy)
    if ages:
        yield Finding(WARNING, "patient of two ages", tuple(ages), remedy)


def _studies(rows: Metadata) -> Iterator[Finding]:
    """Studies of several patients or ages."""
    rows = rows.take(np.flatnonzero(rows.study_id != ""))
    if not len(rows):
        return
    keys, group = _numbered(rows.patient_id, rows.study_id)
    owners: dict[str, list[str]] = defaultdict(list)
    for patient, study in keys:
        owners[study].append(patient)
    shared = {study: owned for study, owned in owners.items() if len(owned) > 1}
    if len(shared) > _NUMBERED * len(owners):
        yield Finding(
            NOTE,
            "study ids are numbered per patient",
            (f"{len(shared):,} of {len(owners):,} ids are of several patients",),
            "Nothing is to be done: a study is known by its patient and its id.",
        )
    elif shared:
        yield Finding(
            WARNING,
            "study of several patients",
            tuple(
                f"study {study!r} is of the patients "
                + ", ".join(map(shown_patient, patients[:4]))
                for study, patients in shared.items()
            ),
            "An examination is of one patient: correct the patient or the study, or "
            "images of one patient can come into two splits.",
        )
    low, high = _spans(rows.age, group, len(keys))
    spread = [
        f"study {keys[number][1]!r} of patient {shown_patient(keys[number][0])}: "
        f"{low[number]:g} to {high[number]:g} years"
        for number in np.flatnonzero(high - low > _YEARS).tolist()
    ]
    if spread:
        yield Finding(
            WARNING,
            "ages within one study differ",
            tuple(spread),
            "Correct the ages, or the patient or study of one of the images.",
        )
