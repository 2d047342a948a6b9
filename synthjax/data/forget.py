"""Removes a patient who withdraws from a study, and all that was learned from them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from synthjax.core.content import Contents
from synthjax.core.errors import StudyError
from synthjax.core.files import read_json, write_json
from synthjax.core.stage_record import FILE
from synthjax.core.stages import PREPARED, STAGES, SUPERSEDED
from synthjax.data.dataset import Dataset
from synthjax.data.schema import Record
from synthjax.data.store.write import PARTIAL, SPLITS_FILE, write_set

_KEPT_APART = (SUPERSEDED, PREPARED)  # folders of a workdir that hold patients too


def forget(workdir: Path, patient: str) -> str:
    """Removes a patient from the set, and what may hold or know them.

    The set in data/ is written anew without them. What is in superseded/ and prepared/,
    and the directory of every later stage, is removed: images, models and numbers that
    were made with the patient. A run that is killed is finished by the same command.

    Args:
        workdir: of the study; no other process is at work in it.
        patient: the id as it is in the set.

    Returns:
        What was removed and what has to be made anew, for people.

    Raises:
        StudyError: there is no finished set or no such patient, or a split would be
            empty without them. Nothing is removed then.
    """
    data = workdir / "data"
    dataset = Dataset.open(data)
    images = {
        split: int(np.sum(dataset.metadata(split).patient_id == patient))
        for split in dataset.counts
    }
    if not sum(images.values()):
        raise StudyError(
            f"{data} has no patient {patient!r}; the ids are in its {SPLITS_FILE}, under "
            "patient_ids"
        )
    for split, count in images.items():
        if count == dataset.counts[split]:
            raise StudyError(
                f"{patient!r} is the only patient of the split {split!r}, which would be "
                f"empty: delete {workdir} as a whole"
            )
    later = [name for name in STAGES if name != "data"]
    removed = [name for name in (*later, *_KEPT_APART) if (workdir / name).exists()]
    for name in removed:
        shutil.rmtree(workdir / name)
    shutil.rmtree(data / PARTIAL, ignore_errors=True)
    _write_without(dataset, patient)
    counted = ", ".join(f"{n} of {split}" for split, n in images.items() if n)
    made = ", ".join(name for name in later if name in removed) or "nothing"
    folders = ", ".join(f"{name}/" for name in removed) or "nothing else"
    return (
        f"{patient}: removed from data/ ({counted}), with {folders}. To be made anew: "
        f"{made} (launch.pipeline does it). Remove the patient's files and rows from the "
        "source too, or the next build takes them in again; exports, copies of this "
        "folder, and studies that started from its weights are yours to find."
    )


def _write_without(dataset: Dataset, patient: str) -> None:
    """Writes the set anew without a patient, as the finished stage that it was."""
    facts = read_json(dataset.directory / SPLITS_FILE)
    facts = {key: facts[key] for key in facts if key not in ("labels", "splits")}
    write_set(
        dataset.directory,
        dataset.schema,
        {split: _others(dataset, split, patient) for split in dataset.counts},
        dataset.provenance,
        split_facts=facts,
    )
    path = dataset.directory / FILE
    if path.exists():  # a set that was made elsewhere has none
        files = Contents().look(dataset.directory, STAGES["data"])
        write_json(path, read_json(path) | {"files": files})


def _others(dataset: Dataset, split: str, patient: str) -> Iterator[Record]:
    """Yields the records of everybody else, by ascending id."""
    metadata, stored = dataset.metadata(split), dataset[split]
    for place in np.argsort(metadata.id, kind="stable").tolist():
        if metadata.patient_id[place] != patient:
            yield stored[place]
