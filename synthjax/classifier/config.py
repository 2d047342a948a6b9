"""What a classifier run is told, and the one table of its networks."""

import dataclasses
from collections.abc import Callable
from typing import Any

from synthjax.classifier.densenet import LAYERS, DenseNet, DenseNetConfig
from synthjax.classifier.resize import METHODS
from synthjax.classifier.small import SmallConfig, SmallNet
from synthjax.core.errors import ConfigError


def _densenet(layers: tuple[int, ...]) -> Callable[["ClassifierConfig", int], Any]:
    return lambda config, n_labels: DenseNet(config.densenet, n_labels, layers)


# A later network adds its config as a field below and its line here.
MODELS: dict[str, Callable[["ClassifierConfig", int], Any]] = {
    "small": lambda config, n_labels: SmallNet(config.small, n_labels),
    **{name: _densenet(layers) for name, layers in LAYERS.items()},
}
ARMS = ("real", "synthetic")


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
    arms: tuple[str, ...] = ARMS  # what to train on: real, synthetic
    seeds: int = 3  # networks trained in each arm
    steps: int = 600  # updates of each network, the same number in every arm
    batch_size: int = 64  # images in an update, over all devices
    learning_rate: float = 3e-3  # peak of the cosine schedule (AdamW)
    warmup: float = 0.1  # part of the steps in which the learning rate rises, 0..1
    weight_decay: float = 0.02  # decoupled decay of kernels, per learning rate
    gradient_norm: float = 1.0  # gradients longer than this are shortened to it
    flip: bool = False  # mirror half the images; off: anatomy has a left and a right
    eval_every: int = 100  # updates between validations, each with a checkpoint
    eval_batch: int = 256  # images in a batch of validation and prediction
    keep: int = 2  # newest checkpoints kept
    resident: str = "auto"  # training images on the device: auto, always, never

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise ConfigError(
                f"model={self.model!r}: must be one of {', '.join(MODELS)}"
            )
        if self.input_size < 0:
            raise ConfigError(
                f"input_size={self.input_size}: must be 0 (the images' own) or more"
            )
        if self.resize not in METHODS:
            raise ConfigError(
                f"resize={self.resize!r}: must be one of {', '.join(METHODS)}"
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
        for name in ("learning_rate", "gradient_norm"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name}={getattr(self, name)}: must be above 0")
        if not 0 <= self.warmup < 1:
            raise ConfigError(f"warmup={self.warmup}: must be from 0 to below 1")
        if self.weight_decay < 0:
            raise ConfigError(f"weight_decay={self.weight_decay}: must be 0 or more")
