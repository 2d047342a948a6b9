"""What a classifier run is told, and the one table of its networks."""

import dataclasses
from collections.abc import Callable
from typing import Any

from synthjax.classifier.arms import ARMS
from synthjax.classifier.losses import CLASS_WEIGHTS, LOSSES
from synthjax.classifier.networks.densenet import LAYERS, DenseNet, DenseNetConfig
from synthjax.classifier.networks.resize import METHODS
from synthjax.classifier.networks.small import SmallConfig, SmallNet
from synthjax.classifier.schedule import Cosine, Plateau, PlateauConfig, Schedule
from synthjax.core.errors import ConfigError


def _densenet(layers: tuple[int, ...]) -> Callable[["ClassifierConfig", int], Any]:
    return lambda config, n_labels: DenseNet(config.densenet, n_labels, layers)


# A later network adds its config as a field below and its line here.
MODELS: dict[str, Callable[["ClassifierConfig", int], Any]] = {
    "small": lambda config, n_labels: SmallNet(config.small, n_labels),
    **{name: _densenet(layers) for name, layers in LAYERS.items()},
}
# Likewise for a schedule; `images` are those of the real training split.
SCHEDULES: "dict[str, Callable[[ClassifierConfig, int], Schedule]]" = {
    "cosine": lambda config, images: Cosine(
        peak=config.learning_rate,
        warmup=round(config.warmup * config.steps),
        steps=config.steps,
        eval_every=config.eval_every,
    ),
    "plateau": lambda config, images: Plateau(
        config.plateau, config.learning_rate, config.batch_size, images
    ),
}


@dataclasses.dataclass(frozen=True)
class ClassifierConfig:
    """How the classifiers are trained; every arm and seed is trained in the same way."""

    model: str = "small"  # the network: small, densenet121, densenet169, densenet201
    small: SmallConfig = dataclasses.field(
        default_factory=SmallConfig
    )  # size of the network named small
    densenet: DenseNetConfig = dataclasses.field(
        default_factory=DenseNetConfig
    )  # batch norm and arithmetic of the networks named densenet
    input_size: int = 0  # side to which images are resized, pixels; 0: their own
    resize: str = "antialias"  # how: antialias, or paper (as the paper's TensorFlow 1)
    pretrained: str = ""  # ImageNet weights of a densenet: a .h5 or .safetensors file
    arms: tuple[str, ...] = ("real", "synthetic")  # what to train on, of arms.ARMS
    seeds: int = 3  # networks trained in each arm
    schedule: str = "cosine"  # cosine: all arms alike; plateau: until it is done
    plateau: PlateauConfig = dataclasses.field(
        default_factory=PlateauConfig
    )  # of schedule=plateau, whose epochs take the place of steps and eval_every
    steps: int = 600  # updates of each network, the same number in every arm
    batch_size: int = 64  # images in an update, over all devices
    learning_rate: float = 3e-3  # of AdamW: peak of the cosine, start of the plateau
    warmup: float = 0.1  # part of the cosine's steps in which the rate rises, 0..1
    weight_decay: float = 0.02  # decoupled decay of kernels, per learning rate
    adam_epsilon: float = 1e-8  # added to the root of the second moment
    gradient_norm: float = 1.0  # longer gradients are shortened to this; 0: none is
    loss: str = "bce"  # bce (binary cross-entropy) or focal, of the known labels
    focal_gamma: float = 2.0  # of the focal loss: how little easy images count
    label_smoothing: float = 0.0  # part of a label that is spread over 0 and 1
    class_weights: str = "none"  # "balanced": positives weigh negatives over positives
    class_weight_cap: float = 20.0  # such weights lie within 1 / cap and cap
    mixup: float = 0.0  # pairs of images are mixed by Beta(mixup, mixup); 0: none is
    flip: bool = False  # mirror half the images; off: anatomy has a left and a right
    eval_every: int = 100  # updates between validations, each with a checkpoint
    eval_batch: int = 256  # images in a batch of validation and prediction
    keep: int = 2  # newest checkpoints kept
    resident: str = "auto"  # training images on the device: auto, always, never

    def __post_init__(self) -> None:
        for name, known in (
            ("model", MODELS),
            ("resize", METHODS),
            ("schedule", SCHEDULES),
            ("loss", LOSSES),
            ("class_weights", CLASS_WEIGHTS),
        ):
            if getattr(self, name) not in known:
                raise ConfigError(
                    f"{name}={getattr(self, name)!r}: must be one of {', '.join(known)}"
                )
        if self.input_size < 0:
            raise ConfigError(
                f"input_size={self.input_size}: must be 0 (the images' own) or more"
            )
        if self.pretrained and self.model == "small":
            raise ConfigError(
                f"pretrained={self.pretrained!r}: there are no such weights of the "
                "network small; set config.classifier.model=densenet121 or leave it empty"
            )
        unknown = set(self.arms) - set(ARMS)
        if unknown or not self.arms or len(set(self.arms)) < len(self.arms):
            raise ConfigError(
                f"arms={self.arms!r}: must name each of {', '.join(ARMS)} at most once"
            )
        for name in (
            "seeds",
            "steps",
            "batch_size",
            "eval_every",
            "eval_batch",
            "keep",
        ):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}={getattr(self, name)}: must be at least 1")
        for name in ("learning_rate", "adam_epsilon"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name}={getattr(self, name)}: must be above 0")
        for name in ("weight_decay", "gradient_norm", "focal_gamma", "mixup"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name}={getattr(self, name)}: must be 0 or more")
        for name in ("warmup", "label_smoothing"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(
                    f"{name}={getattr(self, name)}: must be from 0 to below 1"
                )
        if not self.class_weight_cap >= 1:
            raise ConfigError(
                f"class_weight_cap={self.class_weight_cap}: must be 1 or more"
            )
