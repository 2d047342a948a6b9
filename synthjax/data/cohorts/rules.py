"""The constants of the paper's cohorts, and which cohorts they define."""

import dataclasses
from collections.abc import Mapping

from synthjax.core.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Rules:
    """Numbers of images and seeds for one modality."""

    limit: int  # combinations with more images than this are kept
    samples_limit: int  # the same, of the samples benchmark
    no_finding: int  # images without a finding that are kept; 0: all
    valid: int  # images of the resolution benchmark
    test: int  # images of the resolution benchmark
    rank_train: bool  # classes are ranked by their train images; False: by all
    classes: Mapping[int, int]  # number of classes -> train images of each
    classes_valid: int  # images of each class
    classes_test: int  # images of each class
    samples: tuple[int, ...]  # train images of each class, the most first
    samples_classes: int  # most frequent combinations taken; 0: all that are kept
    samples_valid: int  # images of each class
    samples_test: int  # images of each class
    balance_seed: int | None  # orders the images without a finding
    split_seed: int  # orders the patients
    valid_seed: int  # samples valid for the resolution benchmark
    test_seed: int  # samples test for the resolution benchmark
    class_seed: int | None  # orders the rarest class, +1 the next; None: as listed
    samples_train_seed: int | None  # orders all train images; None: as listed
    samples_seed: int  # which of a class's images come first, the same for all classes

    def scaled(self, scale: float) -> "Rules":
        """Multiply every number of images by `scale`; of some images one is left at least.

        Numbers of classes and seeds stay.
        """

        def images(number: int) -> int:
            return max(1, round(number * scale)) if number else 0

        return dataclasses.replace(
            self,
            limit=round(self.limit * scale),
            samples_limit=round(self.samples_limit * scale),
            no_finding=images(self.no_finding),
            valid=images(self.valid),
            test=images(self.test),
            classes={k: images(number) for k, number in self.classes.items()},
            classes_valid=images(self.classes_valid),
            classes_test=images(self.classes_test),
            samples=tuple(images(number) for number in self.samples),
            samples_valid=images(self.samples_valid),
            samples_test=images(self.samples_test),
        )


# From create_from_xray, create_class_from_xray and create_samples_from_xray for chest,
# create_from_brain, create_class_from_brain and create_samples_from_brain for brain.
# The program means to draw 4,000 valid and test images for `resolution` by a rounded
# share, and corrects it by hand where it comes out as one more or less: here it is 4,000.
# It lists head CT as the positive images, then those without a finding in the order of
# balance_seed, so only positive classes of `classes` are the first in the order given.
RULES = {
    "chest": Rules(
        limit=256,
        samples_limit=7400,
        no_finding=0,
        valid=4000,
        test=4000,
        rank_train=False,
        classes={20: 1450, 15: 1600, 10: 2000, 6: 2300, 4: 3900, 2: 6300},
        classes_valid=190,
        classes_test=170,
        samples=(5950, 4500, 3000, 1500, 1000, 500, 400, 200),
        samples_classes=0,
        samples_valid=750,
        samples_test=750,
        balance_seed=None,
        split_seed=100,
        valid_seed=101,
        test_seed=102,
        class_seed=0,
        samples_train_seed=None,
        samples_seed=104,
    ),
    "brain": Rules(
        limit=110,
        samples_limit=110,
        no_finding=107365,
        valid=4000,
        test=4000,
        rank_train=True,
        classes={10: 2500, 8: 3120, 6: 4170, 4: 6250, 2: 12500},
        classes_valid=300,
        classes_test=200,
        samples=(5400, 4500, 3000, 1500, 1000, 500, 300, 100),
        samples_classes=6,
        samples_valid=500,
        samples_test=500,
        balance_seed=1000,
        split_seed=1001,
        valid_seed=1002,
        test_seed=1003,
        class_seed=None,
        samples_train_seed=1002,
        samples_seed=1006,
    ),
}


def parse_cohort(text: str) -> tuple[str, int]:
    """Return a cohort's kind and number: "classes:10" is ("classes", 10), "" ("", 0).

    The number is 0 where the kind has none. `check_cohort` knows which numbers a
    modality has.

    Raises:
        ConfigError: the text has none of the forms.
    """
    kind, _, number = text.partition(":")
    if text in ("", "resolution"):
        return text, 0
    if kind in ("classes", "samples") and number.isascii() and number.isdigit():
        return kind, int(number)
    raise ConfigError(
        f"cohort={text!r}: must be empty, resolution, classes:K (such as classes:10) "
        "or samples:N (such as samples:500)"
    )


def check_cohort(cohort: str, modality: str, scale: float = 1.0) -> tuple[str, int]:
    """Return kind and number of a cohort, if the paper's rules for the modality have it.

    K must be one of the paper's, for each has its own number of images. N may be any
    number up to the paper's largest, for a set is the first N of a list.

    Raises:
        ConfigError: with the values that are allowed.
    """
    kind, number = parse_cohort(cohort)
    if modality not in RULES:
        raise ConfigError(f"modality={modality!r}: must be one of {', '.join(RULES)}")
    if not 0 < scale < float("inf"):
        raise ConfigError(
            f"cohort_scale={scale}: must be more than 0; the paper's is 1"
        )
    rules = RULES[modality]
    if kind == "classes" and number not in rules.classes:
        raise ConfigError(
            f"cohort={cohort!r}: the paper's numbers of classes ({modality}) are "
            f"{', '.join(map(str, rules.classes))}"
        )
    if kind == "samples" and not 1 <= number <= rules.samples[0]:
        raise ConfigError(
            f"cohort={cohort!r}: must be 1 to {rules.samples[0]} images per class "
            f"({modality}); the paper's are {', '.join(map(str, rules.samples))}"
        )
    return kind, number
