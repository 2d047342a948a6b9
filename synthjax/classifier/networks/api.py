"""The table of networks, and a classifier as plain functions whatever network it is.

To add a network: write its module in a file beside this one, give it a line in
`MODELS` (and, if it has settings of its own, a section in `NetworkConfig`), and test
its sizes in tests/classifier/networks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from synthjax.classifier.networks.densenet import LAYERS, DenseNet, DenseNetConfig
from synthjax.classifier.networks.resize import METHODS, resize
from synthjax.classifier.networks.small import SmallConfig, SmallNet
from synthjax.core.config import Config, field
from synthjax.core.errors import ConfigError

# A dict of `params` and, where the network has batch norm, `batch_stats`, its running
# statistics: nested dicts of float32 arrays.
Variables = dict[str, Any]


@dataclass(frozen=True)
class Model:
    """An entry of the table of networks.

    The module that `make` returns maps images "b h w c" in -1..1 to logits "b y" when
    it is called, and to pooled features "b f" by its method `features`. With batch norm
    it takes `train=True` as well, which moves the collection `batch_stats`.
    """

    section: str  # the section of config.classifier that holds its settings
    make: Callable[[Any, int], Any]  # (that section, number of labels) -> flax module
    smallest: int  # image side, pixels
    pretrained: bool = False  # whether networks.pretrained reads weights of it


MODELS: dict[str, Model] = {
    "small": Model("small", SmallNet, smallest=16),
    **{
        # It halves the side of an image five times.
        name: Model(
            "densenet", partial(DenseNet, layers=layers), smallest=32, pretrained=True
        )
        for name, layers in LAYERS.items()
    },
}


@dataclass(frozen=True)
class NetworkConfig(Config):
    """Which network classifies, and how images are shown to it."""

    model: str = field("small", "the network", one_of=lambda: MODELS)
    small: SmallConfig = field(  # noqa: RUF009
        SmallConfig, "size of the network named small"
    )
    densenet: DenseNetConfig = field(  # noqa: RUF009
        DenseNetConfig, "batch norm and arithmetic of the networks named densenet"
    )
    input_size: int = field(
        0, "side to which images are resized, pixels; 0 leaves them as they are", ge=0
    )
    resize: str = field(
        "antialias",
        "how images are resized; paper is what the paper's TensorFlow 1 did",
        one_of=METHODS,
    )
    pretrained: str = field(
        "",
        "ImageNet weights of a densenet to start from, a .h5 or .safetensors file",
        is_place=True,
    )

    def check(self) -> None:
        """Raises ConfigError if weights are given for a network that has none."""
        if self.pretrained and not MODELS[self.model].pretrained:
            raise ConfigError(
                f"pretrained={self.pretrained!r}: there are no such weights of the "
                f"network {self.model}; set config.classifier.model=densenet121 or "
                "leave it empty"
            )

    def unselected(self) -> tuple[str, ...]:
        """Returns the sections of the networks that were not chosen."""
        sections = {model.section for model in MODELS.values()}
        return tuple(sorted(sections - {MODELS[self.model].section}))


@dataclass(frozen=True)
class Network:
    """A network for images of one size; its variables are always an argument."""

    module: Any  # what a Model makes
    resolution: int  # image side, pixels
    channels: int  # 1 grey, 3 colour
    input_size: int = 0  # side to which images are resized, pixels; 0: as they are
    resize: str = "antialias"  # how: one of resize.METHODS

    def init(self, key: Key[Array, ""]) -> Variables:
        """Draws float32 variables."""
        image = jnp.zeros((1, self.resolution, self.resolution, self.channels))
        return dict(self.module.init(key, self.resized(image)))

    def resized(self, image: Float[Array, "b h w c"]) -> Float[Array, "b s t c"]:
        """Returns images as the first layer sees them."""
        if not self.input_size:
            return image
        return resize(image, self.input_size, self.resize)

    def logits(
        self, variables: Variables, image: Float[Array, "b h w c"]
    ) -> Float[Array, "b y"]:
        """Returns the logits of images in -1..1; each depends on its image alone."""
        return self.module.apply(variables, self.resized(image))

    def features(
        self, variables: Variables, image: Float[Array, "b h w c"]
    ) -> Float[Array, "b f"]:
        """Returns the pooled features of images in -1..1, what the last layer sees."""
        return self.module.apply(
            variables, self.resized(image), method=type(self.module).features
        )

    def train_logits(
        self, variables: Variables, image: Float[Array, "b h w c"]
    ) -> tuple[Float[Array, "b y"], dict[str, Any]]:
        """Returns logits as training sees them, and the running statistics afterwards.

        Batch norm uses the statistics of the batch of all devices: with it, call this
        inside a mapped step. Without it the statistics are {}.
        """
        if "batch_stats" not in variables:
            return self.logits(variables, image), {}
        logit, moved = self.module.apply(
            variables, self.resized(image), train=True, mutable=["batch_stats"]
        )
        return logit, moved["batch_stats"]


def make_network(
    config: NetworkConfig, *, n_labels: int, resolution: int, channels: int
) -> Network:
    """Returns the network that the config names, for images of one kind.

    Raises:
      ConfigError: the images are too small for it.
    """
    model = MODELS[config.model]
    if (config.input_size or resolution) < model.smallest:
        key = "classifier.input_size" if config.input_size else "data.resolution"
        raise ConfigError(
            f"config.{key}={config.input_size or resolution}: the classifier "
            f"{config.model} needs images of at least {model.smallest} px; "
            "config.classifier.input_size can enlarge them"
        )
    module = model.make(getattr(config, model.section), n_labels)
    return Network(module, resolution, channels, config.input_size, config.resize)
