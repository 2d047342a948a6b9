"""One cohort, drawn step by step."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float32, Int

from synthjax.core.clock import say
from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.cohorts.combinations import Combinations, stratified_sample
from synthjax.data.cohorts.rules import RULES, Rules, check_cohort
from synthjax.data.schema import SPLITS

_SHARES = (0.8, 0.9)  # of the patients: where train ends, where valid ends
_MORE = "give more images, or lower config.data.cohort_scale."


@dataclasses.dataclass(frozen=True)
class Cohort:
    """Images dealt to the splits by the paper's rules."""

    splits: dict[str, list[int]]  # split -> numbers of its rows, ascending
    labels: tuple[str, ...]  # names of the labels that are kept
    columns: list[int]  # their columns among the labels given
    facts: dict[str, Any]  # rules, seeds, counts at each step, classes; JSON-ready


def draw_cohort(
    cohort: str,
    modality: str,
    *,
    labels: tuple[str, ...],
    label: Float32[np.ndarray, "n y"],
    patient_id: np.ndarray,
    seed: int,
    scale: float = 1.0,
) -> Cohort:
    """Deal images to the splits as the paper did; most are in none.

    The order of the rows matters, as it did there. The train images of a class are the
    first of one list whatever their number, so smaller sets of a class are parts of
    larger ones; valid and test of a class are the same in every set of a benchmark.
    Labels without a positive train image are left out, except for `resolution`. The
    images after each step are said, and are in the facts.

    Args:
        cohort: resolution, classes:K or samples:N.
        modality: whose rules: chest or brain.
        labels: one name per column of `label`.
        label: 0 or 1, one row per image.
        patient_id: [n] str.
        seed: added to the paper's own seeds, so that 0 is the paper's draw.
        scale: multiplies every number of images in the rules, for small sets.

    Raises:
        ConfigError: an unknown cohort or modality, an unknown (NaN) label, brain
            without the label "no finding".
        StudyError: too few images, with how many there are and how many are needed.
    """
    kind, number = check_cohort(cohort, modality, scale)
    if not kind:
        raise ConfigError("cohort='': name one: resolution, classes:K or samples:N")
    _check_known(label)
    rules = RULES[modality].scaled(scale)
    draw = _Draw(rules, kind, labels, label, patient_id, seed)
    pool = draw.balance(draw.keep_frequent())
    dealt = draw.deal(pool)
    if kind == "resolution":
        splits = draw.sample(dealt)
    elif kind == "classes":
        splits = draw.pick_classes(number, pool, dealt)
    else:
        splits = draw.pick_samples(max(1, round(number * scale)), pool, dealt)
    positive = np.any(label[splits["train"]] == 1, axis=0) | (kind == "resolution")
    columns = np.flatnonzero(positive).tolist()
    for split, rows in splits.items():
        draw.note(f"{split} drawn", rows)
    for step in draw.steps:
        say(
            f"cohort {cohort}, {step['step']}: {step['images']} images of "
            f"{step['patients']} patients, {step['combinations']} label combinations"
        )
    return Cohort(
        splits={split: np.sort(rows).tolist() for split, rows in splits.items()},
        labels=tuple(labels[column] for column in columns),
        columns=columns,
        facts={
            "cohort": cohort,
            "modality": modality,
            "seed": seed,
            "scale": scale,
            "rules": dataclasses.asdict(rules),
            "steps": draw.steps,
            "classes": draw.describe_classes(splits),
            "dropped_labels": [n for c, n in enumerate(labels) if c not in columns],
        },
    )


def _check_known(label: Float32[np.ndarray, "n y"]) -> None:
    unknown = int(np.isnan(label).any(axis=1).sum())
    if unknown:
        raise ConfigError(
            f"{unknown} of {len(label)} images have an unknown label, but cohorts are "
            "drawn by combinations of known ones: let the source decide them, such as "
            "config.data.chexpert.uncertainty=ones, or set config.data.cohort=''"
        )


class _Draw:
    """The steps of a draw. Rows are numbers of images, in an order that matters."""

    def __init__(
        self,
        rules: Rules,
        kind: str,
        labels: tuple[str, ...],
        label: Float32[np.ndarray, "n y"],
        patient_id: np.ndarray,
        seed: int,
    ):
        self.rules, self.kind, self.seed = rules, kind, seed
        self.labels, self.label = labels, label
        self.found = Combinations.of(label)
        # numbered in the order of the sorted ids: as good as they, and quicker
        self.patient = np.unique(patient_id, return_inverse=True)[1]
        self.steps: list[dict[str, Any]] = []
        self.chosen: list[tuple[int, int]] = []  # (combination, images), by rank

    def random(self, seed: int | None) -> np.random.RandomState:
        """The generator of this seed of the paper, moved by the study's."""
        assert seed is not None
        return np.random.RandomState((seed + self.seed) % 2**32)

    def note(self, step: str, rows: Int[np.ndarray, " k"]) -> None:
        """Remember what a step leaves."""
        self.steps.append(
            {
                "step": step,
                "images": len(rows),
                "patients": int(np.count_nonzero(np.bincount(self.patient[rows]))),
                "combinations": int(np.count_nonzero(self.found.count(rows))),
            }
        )

    def keep_frequent(self) -> Int[np.ndarray, " k"]:
        """The rows of the frequent combinations, which become the chosen ones."""
        rows = np.arange(len(self.label))
        self.note("given", rows)
        rules = self.rules
        limit = rules.samples_limit if self.kind == "samples" else rules.limit
        ranked = self.found.rank(rows)
        self.chosen = [pair for pair in ranked if pair[1] > limit]
        if len(self.chosen) < 2:
            raise StudyError(
                f"the cohort needs two label combinations with more than {limit} images "
                f"each; the most frequent have {[count for _, count in ranked[:2]]}: "
                f"{_MORE}"
            )
        frequent = [combination for combination, _ in self.chosen]
        rows = np.flatnonzero(np.isin(self.found.member, frequent))
        self.note(f"combinations with more than {limit} images", rows)
        return rows

    def balance(self, rows: Int[np.ndarray, " k"]) -> Int[np.ndarray, " m"]:
        """Head CT: the positive rows, then a random part of those without a finding."""
        wanted = self.rules.no_finding
        if not wanted:
            return rows
        without = self._without_finding()[rows]
        negative = rows[without]
        if len(negative) < wanted:
            raise StudyError(
                f"the cohort needs {wanted} images without a finding; there are "
                f"{len(negative)}: {_MORE}"
            )
        self.random(self.rules.balance_seed).shuffle(negative)
        rows = np.concatenate([rows[~without], negative[:wanted]])
        self.note(f"positive, and {wanted} without a finding", rows)
        return rows

    def _without_finding(self) -> np.ndarray:
        """[n] bool; raises if "no finding" is no label or contradicts the others."""
        names = [name.lower().replace("_", " ") for name in self.labels]
        if "no finding" not in names:
            raise ConfigError(
                "modality='brain': its cohorts need the label 'no finding', of images "
                f"without any of the others; the labels are {', '.join(self.labels)}"
            )
        column = names.index("no finding")
        none = self.label[:, column] == 1
        wrong = none == np.any(np.delete(self.label, column, axis=1) == 1, axis=1)
        if wrong.any():
            raise StudyError(
                f"'no finding' contradicts the other labels of {wrong.sum()} images, "
                f"first of image {np.argmax(wrong)} (from 0): it must be 1 where all "
                "others are 0, and 0 elsewhere. Correct the labels."
            )
        return none

    def deal(self, rows: Int[np.ndarray, " k"]) -> dict[str, np.ndarray]:
        """Split -> its rows in their order; the patients are dealt 80/10/10."""
        patients = np.unique(self.patient[rows])
        self.random(self.rules.split_seed).shuffle(patients)
        cuts = [int(share * len(patients)) for share in _SHARES]
        split_of = np.zeros(self.patient.max() + 1, np.int8)
        dealt = {}
        for number, members in enumerate(np.split(patients, cuts)):
            split_of[members] = number
        for number, split in enumerate(SPLITS):
            dealt[split] = rows[split_of[self.patient[rows]] == number]
            self.note(f"dealt to {split}", dealt[split])
        return dealt

    def sample(self, dealt: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The resolution benchmark: valid and test have every combination's share."""
        rules = self.rules
        sizes = {"valid": rules.valid, "test": rules.test}
        seeds = {"valid": rules.valid_seed, "test": rules.test_seed}
        sampled = dict(dealt)
        for split, size in sizes.items():
            rows = dealt[split]
            if len(rows) < size:
                raise StudyError(
                    f"the cohort needs {size} {split} images; there are {len(rows)}: "
                    f"{_MORE}"
                )
            stratum, random = self.found.member[rows], self.random(seeds[split])
            sampled[split] = rows[stratified_sample(stratum, size, random)]
        return sampled

    def pick_classes(
        self, classes: int, pool: np.ndarray, dealt: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """The most frequent combinations, the same number of images of each."""
        rules = self.rules
        self._choose(classes, pool, dealt)
        sizes = (rules.classes[classes], rules.classes_valid, rules.classes_test)
        rarest = max(rules.classes) - 1
        return {
            split: np.concatenate(self._first(split, dealt[split], size, rarest))
            for split, size in zip(SPLITS, sizes, strict=True)
        }

    def pick_samples(
        self, images: int, pool: np.ndarray, dealt: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """`images` train images of each of the benchmark's combinations."""
        rules, most = self.rules, self.rules.samples[0]
        self._choose(rules.samples_classes or len(self.chosen), pool, dealt)
        train = dealt["train"]
        if rules.samples_train_seed is not None:
            train = self.random(rules.samples_train_seed).permutation(train)
        rarest = len(self.chosen) - 1
        first = self.random(rules.samples_seed).permutation(most)[:images]
        lists = {
            "train": [own[first] for own in self._first("train", train, most, rarest)],
            "valid": self._first("valid", dealt["valid"], rules.samples_valid, rarest),
            "test": self._first("test", dealt["test"], rules.samples_test, rarest),
        }
        return {split: np.concatenate(rows) for split, rows in lists.items()}

    def _choose(
        self, classes: int, pool: np.ndarray, dealt: dict[str, np.ndarray]
    ) -> None:
        """The chosen combinations become the most frequent `classes`."""
        ranked = self.found.rank(dealt["train"] if self.rules.rank_train else pool)
        self.chosen = ranked[:classes]
        if len(ranked) < classes:
            raise StudyError(
                f"the cohort needs {classes} frequent label combinations; there are "
                f"{len(ranked)}: choose fewer classes, or {_MORE}"
            )

    def _first(
        self, split: str, rows: np.ndarray, size: int, rarest: int
    ) -> list[np.ndarray]:
        """The first `size` rows of every chosen class, by rank.

        Args:
            rarest: the rank whose class is ordered by the first class seed.
        """
        lists = []
        for rank, (combination, _) in enumerate(self.chosen):
            own = rows[self.found.member[rows] == combination]
            if len(own) < size:
                names = " + ".join(self.found.name(self.labels, combination))
                why, remedy = "", "choose other classes:K, "
                if self.kind == "samples":
                    why, remedy = " for any samples:N, so that the sets are nested", ""
                raise StudyError(
                    f"class {rank + 1} ({names or 'no label'}) has {len(own)} {split} "
                    f"images; the cohort needs {size}{why}: {remedy}{_MORE}"
                )
            if self.rules.class_seed is not None:
                seed = self.rules.class_seed + rarest - rank
                own = self.random(seed).permutation(own)
            lists.append(own[:size])
        return lists

    def describe_classes(self, splits: dict[str, np.ndarray]) -> list[dict[str, Any]]:
        """Each class by rank: its labels, the images it was ranked by, and its splits'."""
        counts = {split: self.found.count(rows) for split, rows in splits.items()}
        return [
            {
                "positive": self.found.name(self.labels, combination),
                "images": images,
                **{split: int(count[combination]) for split, count in counts.items()},
            }
            for combination, images in self.chosen
        ]
