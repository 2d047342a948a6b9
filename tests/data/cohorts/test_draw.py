"""The paper's cohorts: cases worked by hand, and a second, slow implementation."""

import collections
import json

import numpy as np
import pytest
from sklearn.model_selection import StratifiedShuffleSplit

from builders.cohorts import CLASSES, COHORTS
from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.cohorts import (
    combination_histogram,
    draw_cohort,
)

CHEST = tuple(f"finding {number}" for number in range(14))
BRAIN = (
    "epidural",
    "intraparenchymal",
    "intraventricular",
    "subarachnoid",
    "subdural",
    "no finding",
)
SCALE = {"chest": 0.01, "brain": 0.005}


def make_archive(modality, seed=0):
    """Labels and patients of a small archive with enough of everything at SCALE."""
    random = np.random.default_rng(seed)
    if modality == "chest":
        patterns = random.permutation(np.arange(1, 2**14))
        counts = [230, 215, 205, *range(74, 54, -1), *[60] * 5, 3, 3, 2, 1]
        columns = 14
    else:
        patterns = [32, *random.permutation(np.arange(1, 32))]  # 32: no finding
        counts = [700, 260, 160, 130, 110, 95, 90, 88, 86, 84, 82, 80, 1, 1]
        columns = 6
    flags = (np.array(patterns)[:, None] >> np.arange(columns)) & 1
    label = np.repeat(flags[: len(counts)], counts, axis=0).astype(np.float32)
    random.shuffle(label)
    patients = [f"p{number:05d}" for number in random.integers(0, 900, len(label))]
    return label, np.array(patients)


def draw(cohort, modality, label, patients, *, seed=0, scale=1.0):
    return draw_cohort(
        cohort,
        modality,
        labels={"chest": CHEST, "brain": BRAIN}[modality],
        label=label,
        patient_id=patients,
        seed=seed,
        scale=scale,
    )


def singles(*counts):
    """One patient per image; combination c is finding c, the images take turns."""
    turns = np.argsort(np.concatenate([np.linspace(0, 1, count) for count in counts]))
    member = np.repeat(np.arange(len(counts)), counts)[turns]
    patients = np.array([f"{number:03d}" for number in range(len(member))])
    return np.eye(14, dtype=np.float32)[member], patients, member


def test_resolution_by_hand():
    label, patients, member = singles(90, 90, 1)
    drawn = draw("resolution", "chest", label, patients, scale=0.004)
    # 256 becomes 1: the single image goes; 4,000 becomes 16 of the 18 that are assigned
    left = np.flatnonzero(member < 2)
    order = left[np.random.RandomState(100).permutation(180)]
    assert drawn.splits["train"] == sorted(order[:144].tolist())
    for split, assigned in (("valid", order[144:162]), ("test", order[162:])):
        assert set(drawn.splits[split]) < set(assigned.tolist())
        assert len(drawn.splits[split]) == 16
        for combination in (0, 1):
            share = 16 / 18 * np.sum(member[assigned] == combination)
            got = np.sum(member[drawn.splits[split]] == combination)
            assert abs(got - share) < 1
    assert drawn.columns == list(range(14))  # no label is dropped here
    assert drawn.facts["dropped_labels"] == []
    steps = [(step["images"], step["combinations"]) for step in drawn.facts["steps"]]
    assert steps == [
        *[(181, 3), (180, 2)],
        *[(144, 2), (18, 2), (18, 2)],
        *[(144, 2), (16, 2), (16, 2)],
    ]


def test_chest_classes_by_hand():
    label, patients, member = singles(200, 190, 60)
    drawn = draw("classes:2", "chest", label, patients, scale=0.01)
    train = np.random.RandomState(100).permutation(450)[:360]
    for combination, seed in ((0, 19), (1, 18)):  # the rarest of twenty has 0
        own = np.sort(train[member[train] == combination])
        first = own[np.random.RandomState(seed).permutation(len(own))][:63]
        got = [r for r in drawn.splits["train"] if member[r] == combination]
        assert got == sorted(first.tolist())
    assert [len(rows) for rows in drawn.splits.values()] == [126, 4, 4]
    assert drawn.labels == ("finding 0", "finding 1")
    assert drawn.columns == [0, 1]
    assert drawn.facts["dropped_labels"] == list(CHEST[2:])
    assert drawn.facts["classes"][1] == {
        "positive": ["finding 1"],
        "images": 190,
        "train": 63,
        "valid": 2,
        "test": 2,
    }


def test_brain_classes_by_hand():
    """Positives as listed, those without a finding in the order of the balancing."""
    label = np.zeros((720, 6), np.float32)
    label[:300, 5] = label[300:700, 4] = label[700:, 1] = 1
    patients = np.array([f"{number:03d}" for number in range(720)])
    drawn = draw("classes:2", "brain", label, patients, scale=0.0005)
    none = np.random.RandomState(1000).permutation(300)[:54].tolist()
    pool = sorted([*none, *range(300, 720)])
    order = np.random.RandomState(1001).permutation(474)[:379]
    train = {pool[place] for place in order}
    subdural = [row for row in range(300, 700) if row in train]
    none = [row for row in none if row in train]
    assert none != sorted(none)
    assert drawn.splits["train"] == sorted(subdural[:6] + none[:6])
    assert drawn.labels == ("subdural", "no finding")
    assert [len(rows) for rows in drawn.splits.values()] == [12, 2, 2]


def test_equally_frequent_combinations_rank_by_their_columns():
    label = np.array([[0, 1], [1, 1], [1, 0], [0, 0], [1, 0], [np.nan, 1]], np.float32)
    assert combination_histogram(("a", "b"), label) == [
        {"positive": ["a"], "images": 2},
        {"positive": ["b"], "images": 2},
        {"positive": [], "images": 1},
        {"positive": ["a", "b"], "images": 1},
    ]


def slow_cohort(cohort, modality, label, patients, seed, scale):
    """Split -> rows, one image at a time; written from the description alone."""
    kind, _, number = cohort.partition(":")
    chest = modality == "chest"
    combination = [tuple(np.flatnonzero(row).tolist()) for row in label]

    def scaled(count):
        return max(1, round(count * scale))

    def shuffled(things, base):
        things = list(things)
        np.random.RandomState(base + seed).shuffle(things)
        return things

    def ranked(rows):
        counts = collections.Counter(combination[row] for row in rows)
        return sorted(counts, key=lambda c: (-counts[c], c))

    limit = round((110 if not chest else 7400 if kind == "samples" else 256) * scale)
    counts = collections.Counter(combination)
    pool = [row for row, own in enumerate(combination) if counts[own] > limit]
    if not chest:
        none = [row for row in pool if label[row, 5] == 1]
        positive = [row for row in pool if label[row, 5] == 0]
        pool = positive + shuffled(none, 1000)[: scaled(107365)]
    ids = shuffled(sorted({patients[row] for row in pool}), 100 if chest else 1001)
    first, second = int(0.8 * len(ids)), int(0.9 * len(ids))
    owners = {"train": ids[:first], "valid": ids[first:second], "test": ids[second:]}
    assigned = {
        split: [row for row in pool if patients[row] in set(own)]
        for split, own in owners.items()
    }
    if kind == "resolution":
        for split, base in (("valid", 101), ("test", 102)):
            strata = ["".join(str(int(v)) for v in label[r]) for r in assigned[split]]
            sizes = {"train_size": scaled(4000)}
            sizes["test_size"] = len(strata) - scaled(4000)
            base = base if chest else base + 901
            sampler = StratifiedShuffleSplit(1, random_state=base + seed, **sizes)
            kept, _ = next(sampler.split(strata, strata))
            assigned[split] = [assigned[split][place] for place in kept]
        return assigned
    if kind == "samples" and not chest:
        assigned["train"] = shuffled(assigned["train"], 1002)
    classes = ranked(pool if chest else assigned["train"])
    if kind == "classes":
        classes = classes[: max(CLASSES[modality])]
    elif not chest:
        classes = classes[:6]
    groups = {}
    for split, rows in assigned.items():
        groups[split] = []
        for base, own in enumerate(reversed(classes)):
            members = [row for row in rows if combination[row] == own]
            groups[split].append(shuffled(members, base) if chest else members)
    if kind == "classes":
        k = int(number)
        sizes = {
            "train": CLASSES[modality][k],
            "valid": 190 if chest else 300,
            "test": 170 if chest else 200,
        }
        return {
            split: [row for own in groups[split][-k:] for row in own[: scaled(size)]]
            for split, size in sizes.items()
        }
    most, few = (5950, 750) if chest else (5400, 500)
    order = shuffled(range(scaled(most)), 104 if chest else 1006)
    picked = {
        split: [row for own in groups[split] for row in own[: scaled(few)]]
        for split in ("valid", "test")
    }
    picked["train"] = [
        own[place] for own in groups["train"] for place in order[: scaled(int(number))]
    ]
    return picked


@pytest.mark.slow
@pytest.mark.parametrize("modality", ["chest", "brain"])
@pytest.mark.parametrize("seed", [0, 5])
def test_the_slow_implementation_agrees(modality, seed):
    label, patients = make_archive(modality)
    scale = SCALE[modality]
    for cohort in COHORTS[modality]:
        drawn = draw(cohort, modality, label, patients, seed=seed, scale=scale)
        slow = slow_cohort(cohort, modality, label, patients, seed, scale)
        for split, rows in slow.items():
            assert drawn.splits[split] == sorted(rows), (cohort, split)
        positive = {c for row in slow["train"] for c in np.flatnonzero(label[row])}
        if cohort == "resolution":
            positive = set(range(label.shape[1]))
        assert drawn.columns == sorted(positive)
        for split in ("valid", "test"):  # the paper asserts the same
            seen = {c for row in slow[split] for c in np.flatnonzero(label[row])}
            assert cohort == "resolution" or seen == positive
        json.dumps(drawn.facts)


def test_another_seed_draws_others_and_the_same_seed_the_same():
    label, patients = make_archive("chest")
    first, again, other = (
        draw("resolution", "chest", label, patients, seed=seed, scale=0.01)
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first.splits["test"] != other.splits["test"]


def test_every_step_is_said(capsys):
    label, patients = make_archive("brain")
    drawn = draw("classes:4", "brain", label, patients, scale=0.005)
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == len(drawn.facts["steps"]) == 9
    assert "positive, and 537 without a finding: " in said[2]


def test_unknown_labels_are_refused():
    label, patients = make_archive("chest")
    label[3, 2] = np.nan
    with pytest.raises(ConfigError, match=r"1 of \d+ images.*uncertainty=ones"):
        draw("resolution", "chest", label, patients, scale=0.01)


def test_no_cohort_is_not_drawn():
    label, patients = make_archive("chest")
    with pytest.raises(ConfigError, match="name one: resolution"):
        draw("", "chest", label, patients)


@pytest.mark.parametrize(
    ("cohort", "modality", "scale", "message"),
    [
        ("resolution", "chest", 1.0, r"more than 256 images.*\[230, 215\]"),
        ("samples:500", "chest", 0.03, r"more than 222 images.*\[230, 215\]"),
        ("resolution", "chest", 0.1, r"needs 400 valid images; there are \d+"),
        (
            "classes:2",
            "chest",
            0.1,
            r"class 1 \(.*has \d+ train images; .* needs 630: ",
        ),
        ("samples:5", "chest", 0.0277, r"class \d .* needs \d+ for any samples:N"),
        ("classes:10", "brain", 0.007, r"needs 752 images without.*there are 700"),
    ],
)
def test_too_few_images_are_named_with_the_remedy(cohort, modality, scale, message):
    label, patients = make_archive(modality)
    with pytest.raises(StudyError, match=message) as error:
        draw(cohort, modality, label, patients, scale=scale)
    assert "give more images, or lower config.data.cohort_scale" in str(error.value)


def test_too_few_combinations():
    label, patients, _ = singles(200, 190, 180)
    with pytest.raises(StudyError, match="needs 4 frequent label combinations"):
        draw("classes:4", "chest", label, patients, scale=0.01)


def test_brain_needs_its_last_label():
    label, patients = make_archive("brain")
    with pytest.raises(ConfigError, match="need the label 'no finding'"):
        draw_cohort(
            "resolution",
            "brain",
            labels=(*BRAIN[:5], "any"),
            label=label,
            patient_id=patients,
            seed=0,
        )
    label[5] = [1, 0, 0, 0, 0, 1]
    label[7] = 0
    with pytest.raises(StudyError, match="labels of 2 images, first of image 5"):
        draw("resolution", "brain", label, patients, scale=0.005)
