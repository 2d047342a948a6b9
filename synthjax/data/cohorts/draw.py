"""Draws one cohort, step by step."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float32, Int

from synthjax.core.clock import say
from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.cohorts.combinations import Combinations, stratified_sample
from synthjax.data.cohorts.labels import check_known, without_finding
from synthjax.data.cohorts.rules import RULES, Rules, check_cohort
from synthjax.data.schema import SPLITS

_SHARES = (0.8, 0.9)  # of the patients: where train ends, where valid ends
_MORE = "give more images, or lower config.data.cohort_scale."


@dataclasses.dataclass(frozen=True)
class Cohort:
    """Images assigned to the splits by the paper's rules."""

    splits: dict[str, list[int]]  # split -> indices of its images, ascending
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
    """Assign images to the splits as the paper did; most are in none.

    The order of the images matters, as it did there. The train images of a class are the
    first of one list whatever their number, so smaller sets of a class are parts of
    larger ones; valid and test of a class are the same in every set of a benchmark.
    Labels without a positive train image are left out, except for `resolution`. The
    images after each step are said, and are in the facts.

    Args:
        cohort: resolution, classes:K or samples:N.
        modality: whose rules: chest or brain.
        labels: one name per column of `label`.
        label: 0 or 1, a row of each image.
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
    check_known(label)
    rules = RULES[modality].scaled(scale)
    draw = _Draw(rules, kind, labels, label, patient_id, seed)
    if kind == "samples":
        number = max(1, round(number * scale))
    splits = draw.run(number)
    positive = np.any(label[splits["train"]] == 1, axis=0) | (kind == "resolution")
    columns = np.flatnonzero(positive).tolist()
    for step in draw.steps:
        say(
            f"cohort {cohort}, {step['step']}: {step['images']} images of "
            f"{step['patients']} patients, {step['combinations']} label combinations"
        )
    return Cohort(
        splits={split: np.sort(part).tolist() for split, part in splits.items()},
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


class _Draw:
    """The steps of a draw; they pass indices of images on, in an order that matters."""

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

    def run(self, number: int) -> dict[str, np.ndarray]:
        """Take all steps: split -> its images, in the order in which they are drawn.

        Args:
            number: of classes, or of train images of each class.
        """
        pool = self.balance(self.keep_frequent())
        assigned = self.split_patients(pool)
        if self.kind == "resolution":
            splits = self.sample(assigned)
        elif self.kind == "classes":
            splits = self.pick_classes(number, pool, assigned)
        else:
            splits = self.pick_samples(number, pool, assigned)
        for split, images in splits.items():
            self.note(f"{split} drawn", images)
        return splits

    def random(self, seed: int | None) -> np.random.RandomState:
        """Return the generator of this seed of the paper, moved by the study's."""
        assert seed is not None
        return np.random.RandomState((seed + self.seed) % 2**32)

    def note(self, step: str, images: Int[np.ndarray, " k"]) -> None:
        """Note what a step leaves."""
        self.steps.append(
            {
                "step": step,
                "images": len(images),
                "patients": int(np.count_nonzero(np.bincount(self.patient[images]))),
                "combinations": int(np.count_nonzero(self.found.count(images))),
            }
        )

    def keep_frequent(self) -> Int[np.ndarray, " k"]:
        """Keep the images of frequent combinations, which become the chosen ones."""
        images = np.arange(len(self.label))
        self.note("given", images)
        rules = self.rules
        limit = rules.samples_limit if self.kind == "samples" else rules.limit
        ranked = self.found.rank(images)
        self.chosen = [pair for pair in ranked if pair[1] > limit]
        if len(self.chosen) < 2:
            raise StudyError(
                f"the cohort needs two label combinations with more than {limit} images "
                f"each; the most frequent have {[count for _, count in ranked[:2]]}: "
                f"{_MORE}"
            )
        frequent = [combination for combination, _ in self.chosen]
        images = np.flatnonzero(np.isin(self.found.member, frequent))
        self.note(f"combinations with more than {limit} images", images)
        return images

    def balance(self, images: Int[np.ndarray, " k"]) -> Int[np.ndarray, " m"]:
        """Keep the positive images of head CT, and a random part of those without."""
        wanted = self.rules.no_finding
        if not wanted:
            return images
        without = without_finding(self.labels, self.label)[images]
        negative = images[without]
        if len(negative) < wanted:
            raise StudyError(
                f"the cohort needs {wanted} images without a finding; there are "
                f"{len(negative)}: {_MORE}"
            )
        self.random(self.rules.balance_seed).shuffle(negative)
        images = np.concatenate([images[~without], negative[:wanted]])
        self.note(f"positive, and {wanted} without a finding", images)
        return images

    def split_patients(self, images: Int[np.ndarray, " k"]) -> dict[str, np.ndarray]:
        """Split the patients 80/10/10; return split -> its images in their order."""
        patients = np.unique(self.patient[images])
        self.random(self.rules.split_seed).shuffle(patients)
        cuts = [int(share * len(patients)) for share in _SHARES]
        split_of = np.zeros(self.patient.max() + 1, np.int8)
        assigned = {}
        for number, members in enumerate(np.split(patients, cuts)):
            split_of[members] = number
        for number, split in enumerate(SPLITS):
            assigned[split] = images[split_of[self.patient[images]] == number]
            self.note(f"assigned to {split}", assigned[split])
        return assigned

    def sample(self, assigned: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Draw the resolution benchmark: valid and test have every combination's share."""
        rules = self.rules
        sizes = {"valid": rules.valid, "test": rules.test}
        seeds = {"valid": rules.valid_seed, "test": rules.test_seed}
        sampled = dict(assigned)
        for split, size in sizes.items():
            images = assigned[split]
            if len(images) < size:
                raise StudyError(
                    f"the cohort needs {size} {split} images; there are {len(images)}: "
                    f"{_MORE}"
                )
            stratum, random = self.found.member[images], self.random(seeds[split])
            sampled[split] = images[stratified_sample(stratum, size, random)]
        return sampled

    def pick_classes(
        self, classes: int, pool: np.ndarray, assigned: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Draw the same number of images of each of the most frequent combinations."""
        rules = self.rules
        self._choose(classes, pool, assigned)
        sizes = (rules.classes[classes], rules.classes_valid, rules.classes_test)
        rarest = max(rules.classes) - 1
        return {
            split: np.concatenate(self._first(split, assigned[split], size, rarest))
            for split, size in zip(SPLITS, sizes, strict=True)
        }

    def pick_samples(
        self, images: int, pool: np.ndarray, assigned: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Draw `images` train images of each of the benchmark's combinations."""
        rules, largest = self.rules, self.rules.samples[0]
        self._choose(rules.samples_classes or len(self.chosen), pool, assigned)
        train = assigned["train"]
        if rules.samples_train_seed is not None:
            train = self.random(rules.samples_train_seed).permutation(train)
        rarest = len(self.chosen) - 1
        first = self.random(rules.samples_seed).permutation(largest)[:images]
        lists = {
            "train": [
                own[first] for own in self._first("train", train, largest, rarest)
            ],
            "valid": self._first(
                "valid", assigned["valid"], rules.samples_valid, rarest
            ),
            "test": self._first("test", assigned["test"], rules.samples_test, rarest),
        }
        return {split: np.concatenate(images) for split, images in lists.items()}

    def _choose(
        self, classes: int, pool: np.ndarray, assigned: dict[str, np.ndarray]
    ) -> None:
        """Choose the most frequent `classes` combinations."""
        ranked = self.found.rank(assigned["train"] if self.rules.rank_train else pool)
        self.chosen = ranked[:classes]
        if len(ranked) < classes:
            raise StudyError(
                f"the cohort needs {classes} frequent label combinations; there are "
                f"{len(ranked)}: choose fewer classes, or {_MORE}"
            )

    def _first(
        self, split: str, images: np.ndarray, size: int, rarest: int
    ) -> list[np.ndarray]:
        """Return the first `size` images of every chosen class, by rank.

        Args:
            rarest: the rank whose class is ordered by the first class seed.
        """
        lists = []
        for rank, (combination, _) in enumerate(self.chosen):
            own = images[self.found.member[images] == combination]
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
        """Describe each class by rank: its labels, and its images in all and per split."""
        counts = {split: self.found.count(images) for split, images in splits.items()}
        return [
            {
                "positive": self.found.name(self.labels, combination),
                "images": images,
                **{split: int(count[combination]) for split, count in counts.items()},
            }
            for combination, images in self.chosen
        ]
