"""How the classifiers of a study are trained, and the table of their schedules."""

from collections.abc import Callable
from dataclasses import dataclass

from synthjax.classifier.arms import ARMS
from synthjax.classifier.losses import CLASS_WEIGHTS, LOSSES
from synthjax.classifier.networks.api import NetworkConfig
from synthjax.classifier.schedule import Cosine, Plateau, PlateauConfig, Schedule
from synthjax.classifier.soft_labels import TeacherConfig
from synthjax.core.config import field
from synthjax.core.errors import ConfigError


@dataclass(frozen=True)
class ClassifierConfig(NetworkConfig):
    """How the classifiers are trained; every arm and seed is trained in the same way."""

    arms: tuple[str, ...] = field(
        ("real", "synthetic"), "what the classifiers are trained on", one_of=ARMS
    )
    primary: str = field(
        "synthetic",
        "the arm that the verdict compares with real; name it before the training",
        one_of=[
            name
            for name, arm in ARMS.items()
            if any(part == "synthetic" for part, _ in arm.train)
        ],
    )
    teacher: TeacherConfig = field(  # noqa: RUF009
        TeacherConfig, "what gives synthetic images the labels of the teacher arms"
    )
    seeds: int = field(5, "networks trained in each arm", ge=1)
    schedule: str = field(
        "cosine",
        "course of the learning rate; cosine is the same in every arm, plateau ends an "
        "arm when its validation no longer improves",
        one_of=lambda: SCHEDULES,
    )
    plateau: PlateauConfig = field(  # noqa: RUF009
        PlateauConfig,
        "of schedule=plateau, whose epochs take the place of steps and eval_every",
    )
    steps: int = field(
        600, "updates of each network, the same number in every arm", ge=1
    )
    batch_size: int = field(64, "images in an update, over all devices", ge=1)
    learning_rate: float = field(
        3e-3, "of AdamW: the peak of cosine, the start of plateau", gt=0
    )
    warmup: float = field(
        0.1, "share of the cosine's steps in which the rate rises", ge=0, lt=1
    )
    weight_decay: float = field(
        0.02, "decoupled decay of kernels, per learning rate", ge=0
    )
    adam_epsilon: float = field(1e-8, "added to the root of the second moment", gt=0)
    gradient_norm: float = field(
        1.0, "norm to which longer gradients are clipped; 0 clips none", ge=0
    )
    loss: str = field(
        "bce",
        "loss of the known labels: binary cross-entropy or the focal loss",
        one_of=LOSSES,
    )
    focal_gamma: float = field(
        2.0, "of the focal loss: how little easy images count", ge=0
    )
    label_smoothing: float = field(
        0.0, "part of a label that is spread over 0 and 1", ge=0, lt=1
    )
    class_weights: str = field(
        "none",
        "weight of a positive label; balanced is negatives over positives",
        one_of=CLASS_WEIGHTS,
    )
    class_weight_cap: float = field(
        20.0, "balanced weights lie within 1 / cap and cap", ge=1
    )
    mixup: float = field(
        0.0, "pairs of images are mixed by Beta(mixup, mixup); 0 mixes none", ge=0
    )
    flip: bool = field(
        False, "mirror half the images; off, since anatomy has a left and a right"
    )
    eval_every: int = field(
        100, "updates between validations, each with a checkpoint", ge=1
    )
    eval_batch: int = field(
        256,
        "images in a batch of validation and prediction, over all devices",
        ge=1,
        affects_result=False,
    )
    keep: int = field(2, "newest checkpoints kept", ge=1, affects_result=False)
    resident: str = field(
        "auto",
        "whether the training images are kept on the device; auto decides by size",
        one_of=("auto", "always", "never"),
        affects_result=False,
    )

    def check(self) -> None:
        """Raises ConfigError unless there are arms, each named once."""
        super().check()
        if not self.arms or len(set(self.arms)) < len(self.arms):
            raise ConfigError(
                f"arms={self.arms!r}: must name some of {', '.join(ARMS)}, each once"
            )
        if self.primary != "synthetic" and not {"synthetic", self.primary} <= {
            *self.arms
        }:
            raise ConfigError(
                f"primary={self.primary!r}: arms={self.arms!r} must name it, and "
                "synthetic as well: the page shows its gap too"
            )
        for name in self.arms:
            taught_by = ARMS[name].taught_by
            if taught_by and taught_by not in self.arms:
                raise ConfigError(
                    f"arms={self.arms!r}: {name} takes its labels from classifiers of "
                    f"the arm {taught_by}; name that arm too"
                )
        if (self.teacher.count or 0) > self.seeds:
            raise ConfigError(
                f"teacher.count={self.teacher.count}: each arm has seeds={self.seeds} "
                "classifiers; ask for no more teachers"
            )

    def unselected(self) -> tuple[str, ...]:
        """Returns the sections that are not used: of networks, schedules, teachers."""
        other = [] if self.schedule == "plateau" else ["plateau"]
        if not any(ARMS[name].taught_by for name in self.arms):
            other.append("teacher")
        return (*super().unselected(), *other)


def _cosine(config: ClassifierConfig, images: int) -> Schedule:
    return Cosine(
        peak=config.learning_rate,
        warmup=round(config.warmup * config.steps),
        steps=config.steps,
        eval_every=config.eval_every,
    )


def _plateau(config: ClassifierConfig, images: int) -> Schedule:
    return Plateau(config.plateau, config.learning_rate, config.batch_size, images)


# The table of schedules: name -> maker, of the config and the number of images of the
# real training split.
SCHEDULES: dict[str, Callable[[ClassifierConfig, int], Schedule]] = {
    "cosine": _cosine,
    "plateau": _plateau,
}
