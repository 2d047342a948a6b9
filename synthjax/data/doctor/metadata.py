"""What is odd in the metadata before a pixel is read: ids, patients, exams, names."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float32, Int

from synthjax.data.doctor.diagnostics import ERROR, NOTE, WARNING, Diagnostic
from synthjax.data.listing import Listing, Metadata

_YEARS = 1.5  # that ages in one exam may differ by; they are rounded
_LIFETIME = 40.0  # years that the images of one patient may span
_MOST = 10  # times the images of a usual patient: more hint at a placeholder
_SHARE = 0.05  # of all images: one patient with fewer is no placeholder
_NUMBERED = 0.5  # of the exam ids: if more are shared, they are numbered per patient
_PLACEHOLDERS = frozenset(
    ("anon", "anonymous", "anonymized", "anonymised", "unknown", "none", "nan", "null")
    + ("na", "n/a", "-", "?", "xxx")
)
_PERSON = re.compile(r"[^\W\d_]{2,}(\^|,\s*)[^\W\d_]{2,}.*")  # DOE^JANE; Doe, Jane


def check_metadata(listing: Listing) -> Iterator[Diagnostic]:
    """Find what is odd about the ids, patients, exams and file names."""
    metadata = listing.metadata
    yield from _file_names(metadata)
    yield from _ids(metadata)
    if listing.has_patients:
        yield from _person_names(metadata)
        yield from _spellings(metadata)
        yield from _placeholders(metadata)
        yield from _attributes(metadata)
        yield from _exams(metadata)


def shown_patient(patient: str) -> str:
    """Return a patient id for a message; one that looks like a name is hidden."""
    return "(a name)" if _PERSON.fullmatch(patient) else repr(patient)


def _group(*columns: np.ndarray) -> tuple[list[tuple[str, ...]], np.ndarray]:
    """Return the different values of the columns together, and the index of each row's."""
    index: dict[tuple[str, ...], int] = {}
    group = [index.setdefault(key, len(index)) for key in zip(*columns, strict=True)]
    return list(index), np.array(group, np.int64)


def _spans(
    age: Float32[np.ndarray, " n"], group: Int[np.ndarray, " n"], groups: int
) -> tuple[Float32[np.ndarray, " g"], Float32[np.ndarray, " g"]]:
    """Return the lowest and highest age of each group; NaN where none is known."""
    low, high = np.full((2, groups), np.nan, np.float32)
    np.fmin.at(low, group, age)
    np.fmax.at(high, group, age)
    return low, high


def _file_names(metadata: Metadata) -> Iterator[Diagnostic]:
    """Find file names that cannot be stored, or not on every system."""
    unstorable, odd = [], []
    for origin, name in zip(metadata.origin, metadata.id, strict=True):
        text = f"{origin}{name}"
        if not text.isascii() and text != text.encode(errors="replace").decode():
            unstorable.append(origin)
        elif not text.isprintable() or "\\" in text or text != text.strip():
            odd.append(repr(origin))
    remedy = "Rename the file (and correct its row): letters, digits, - _ . are safe."
    if unstorable:
        yield Diagnostic(ERROR, "file name is not UTF-8", tuple(unstorable), remedy)
    if odd:
        yield Diagnostic(WARNING, "odd file name", tuple(odd), remedy)


def _ids(metadata: Metadata) -> Iterator[Diagnostic]:
    """Find image ids that differ by case alone."""
    if len({name.casefold() for name in metadata.id}) == len(metadata):
        return
    folded: dict[str, set[str]] = defaultdict(set)
    for name in metadata.id:
        folded[name.casefold()].add(name)
    twice = [" and ".join(sorted(names)) for names in folded.values() if len(names) > 1]
    if twice:
        yield Diagnostic(
            WARNING,
            "ids that differ by case alone",
            tuple(twice),
            "On many systems they are one file: rename one of them.",
        )


def _person_names(metadata: Metadata) -> Iterator[Diagnostic]:
    """Find patient ids that look like names; they are not repeated here."""
    named = np.flatnonzero([bool(_PERSON.fullmatch(p)) for p in metadata.patient_id])
    if len(named):
        yield Diagnostic(
            WARNING,
            "patient id looks like a name",
            tuple(f"the patient of {metadata.origin[index]}" for index in named),
            "Ids go into the built set as they are: replace them by pseudonyms.",
        )


def _spellings(metadata: Metadata) -> Iterator[Diagnostic]:
    """Find patient ids that may mean one patient: P7 and p7, 7 and 007 and 7.0."""
    spelled = defaultdict(set)
    for patient in set(metadata.patient_id):
        spelled[_plain(patient)].add(patient)
    groups = [sorted(ids) for ids in spelled.values() if len(ids) > 1]
    if groups:
        yield Diagnostic(
            WARNING,
            "patient ids nearly the same",
            tuple(" and ".join(map(shown_patient, ids)) for ids in sorted(groups)),
            "If they are one patient, write one id: two can come into two splits.",
        )


def _plain(patient: str) -> str:
    """Return a patient id without case, blanks, leading zeros and a trailing ".0"."""
    text = "".join(patient.split()).casefold()
    if re.fullmatch(r"\d+\.0", text):
        text = text[:-2]
    return re.sub(r"\d+", lambda digits: digits[0].lstrip("0") or "0", text)


def _placeholders(metadata: Metadata) -> Iterator[Diagnostic]:
    """Find patient ids that stand for many patients, such as "unknown"."""
    counts = Counter(metadata.patient_id.tolist())
    usual = float(np.median(list(counts.values())))
    found = [
        f"{shown_patient(patient)} has {count:,} of {len(metadata):,} images"
        for patient, count in counts.most_common()
        if count > 1
        and (
            patient.strip().casefold() in _PLACEHOLDERS
            or (count > _MOST * usual and count > _SHARE * len(metadata))
        )
    ]
    if found:
        yield Diagnostic(
            WARNING,
            "patient id looks like a placeholder",
            tuple(found),
            "They all go into one split: give each patient an id of their own.",
        )


def _attributes(metadata: Metadata) -> Iterator[Diagnostic]:
    """Find patients whose images contradict each other."""
    keys, group = _group(metadata.patient_id)
    shown = [shown_patient(patient) for (patient,) in keys]
    has = [np.bincount(group, metadata.sex == sex) > 0 for sex in ("F", "M")]
    both = np.flatnonzero(has[0] & has[1]).tolist()
    sexes = [f"patient {shown[index]} is F and M" for index in both]
    low, high = _spans(metadata.age, group, len(keys))
    ages = [
        f"patient {shown[index]} is {low[index]:g} to {high[index]:g} years old"
        for index in np.flatnonzero(high - low > _LIFETIME).tolist()
    ]
    remedy = "Correct the table, or give the images to the patients they are of."
    if sexes:
        yield Diagnostic(WARNING, "patient of two sexes", tuple(sexes), remedy)
    if ages:
        yield Diagnostic(WARNING, "patient of two ages", tuple(ages), remedy)


def _exams(metadata: Metadata) -> Iterator[Diagnostic]:
    """Find exams of several patients or ages."""
    metadata = metadata.take(np.flatnonzero(metadata.study_id != ""))
    if not len(metadata):
        return
    keys, group = _group(metadata.patient_id, metadata.study_id)
    owners: dict[str, list[str]] = defaultdict(list)
    for patient, exam in keys:
        owners[exam].append(patient)
    shared = {exam: owned for exam, owned in owners.items() if len(owned) > 1}
    if len(shared) > _NUMBERED * len(owners):
        yield Diagnostic(
            NOTE,
            "exam ids are numbered per patient",
            (f"{len(shared):,} of {len(owners):,} ids are of several patients",),
            "Nothing is to be done: an exam is known by its patient and its id.",
        )
    elif shared:
        yield Diagnostic(
            WARNING,
            "exam of several patients",
            tuple(
                f"exam {exam!r} is of the patients "
                + ", ".join(map(shown_patient, patients[:4]))
                for exam, patients in shared.items()
            ),
            "An exam is of one patient: correct the patient or the exam, or images of "
            "one patient can come into two splits.",
        )
    low, high = _spans(metadata.age, group, len(keys))
    spread = [
        f"exam {keys[index][1]!r} of patient {shown_patient(keys[index][0])}: "
        f"{low[index]:g} to {high[index]:g} years"
        for index in np.flatnonzero(high - low > _YEARS).tolist()
    ]
    if spread:
        yield Diagnostic(
            WARNING,
            "ages within one exam differ",
            tuple(spread),
            "Correct the ages, or the patient or exam of one of the images.",
        )
