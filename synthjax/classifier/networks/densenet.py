"""DenseNet-121, -169 and -201, equal to those of Keras and torchvision.

Huang et al. 2017, arXiv:1608.06993, section 3 and table 1 (DenseNet-BC, compression
0.5). The two libraries share padding and order of layers; they differ in the epsilon of
batch normalisation, which is part of the config.
"""

from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from synthjax.classifier.networks.small import DTYPES, INIT
from synthjax.core.config import Config, field
from synthjax.core.devices import AXIS

# Dense layers in each block, by the name of the network in the config.
LAYERS = {
    "densenet121": (6, 12, 24, 16),
    "densenet169": (6, 12, 32, 32),
    "densenet201": (6, 12, 48, 32),
}
BOTTLENECK = 4  # channels of a layer's 1x1 convolution, in growths
# Of the ImageNet photographs, for values in 0..1; both libraries normalise by them.
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


@dataclass(frozen=True)
class DenseNetConfig(Config):
    """What the DenseNets leave open."""

    epsilon: float = field(
        1.001e-5, "of batch norm: 1.001e-5 in Keras, 1e-5 in torchvision", gt=0
    )
    momentum: float = field(
        0.99, "of the running statistics: 0.99 in Keras, 0.9 in torchvision", ge=0, lt=1
    )
    frozen: bool = field(
        False, "normalise by the running statistics in training as well"
    )
    dtype: str = field("float32", "arithmetic inside the network", one_of=DTYPES)


def _conv(channels: int, size: int, config: DenseNetConfig, **options: Any) -> nn.Conv:
    return nn.Conv(
        channels,
        (size, size),
        use_bias=False,
        kernel_init=INIT,
        dtype=DTYPES[config.dtype],
        **options,
    )


def _norm(config: DenseNetConfig) -> nn.BatchNorm:
    """Batch norm over the global batch: its statistics are means over the devices."""
    return nn.BatchNorm(
        momentum=config.momentum,
        epsilon=config.epsilon,
        dtype=DTYPES[config.dtype],
        axis_name=AXIS,
    )


class DenseLayer(nn.Module):
    """Adds `growth` channels to its input."""

    config: DenseNetConfig
    growth: int

    def setup(self) -> None:
        self.norm_0, self.norm_1 = _norm(self.config), _norm(self.config)
        self.conv_0 = _conv(BOTTLENECK * self.growth, 1, self.config)
        self.conv_1 = _conv(self.growth, 3, self.config, padding=1)

    def __call__(
        self, x: Float[Array, "b h w c"], running: bool
    ) -> Float[Array, "b h w d"]:
        y = self.conv_0(nn.relu(self.norm_0(x, use_running_average=running)))
        y = self.conv_1(nn.relu(self.norm_1(y, use_running_average=running)))
        return jnp.concatenate([x, y], axis=-1)


class Transition(nn.Module):
    """Halves channels and sides; an odd last row or column is dropped."""

    config: DenseNetConfig
    channels: int

    def setup(self) -> None:
        self.norm = _norm(self.config)
        self.conv = _conv(self.channels, 1, self.config)

    def __call__(
        self, x: Float[Array, "b h w c"], running: bool
    ) -> Float[Array, "b i j d"]:
        x = self.conv(nn.relu(self.norm(x, use_running_average=running)))
        return nn.avg_pool(x, (2, 2), (2, 2))


class DenseNet(nn.Module):
    """Logits [b y] and pooled features [b f] of images [b h w c] in -1..1.

    Images of one channel are taken as grey; three are RGB. Features are 1024 for
    DenseNet-121, 1664 and 1920 for the larger ones.
    """

    config: DenseNetConfig
    n_labels: int
    layers: tuple[int, ...]  # dense layers in each block
    growth: int = 32  # channels that a layer adds
    width: int = 64  # channels of the first convolution

    def setup(self) -> None:
        config, channels = self.config, self.width
        self.stem_conv = _conv(self.width, 7, config, strides=(2, 2), padding=3)
        self.stem_norm = _norm(config)
        blocks, transitions = [], []
        for number, depth in enumerate(self.layers):
            if number:
                channels //= 2
                transitions.append(Transition(config, channels))
            blocks.append([DenseLayer(config, self.growth) for _ in range(depth)])
            channels += depth * self.growth
        self.blocks, self.transitions = blocks, transitions
        self.last_norm = _norm(config)
        self.head = nn.Dense(self.n_labels, kernel_init=INIT)

    def features(
        self, image: Float[Array, "b h w c"], train: bool = False
    ) -> Float[Array, "b f"]:
        """Returns globally average-pooled features, float32.

        Args:
          image: values in -1..1.
          train: normalise by the statistics of the global batch and move the running
            ones, in the collection `batch_stats`; needs the axis of the devices.
        """
        running = not train or self.config.frozen
        x = imagenet(image).astype(DTYPES[self.config.dtype])
        x = self.stem_norm(self.stem_conv(x), use_running_average=running)
        x = nn.max_pool(nn.relu(x), (3, 3), (2, 2), padding=((1, 1), (1, 1)))
        for number, block in enumerate(self.blocks):
            if number:
                x = self.transitions[number - 1](x, running)
            for layer in block:
                x = layer(x, running)
        x = nn.relu(self.last_norm(x, use_running_average=running))
        return jnp.mean(x.astype(jnp.float32), axis=(1, 2))

    def __call__(
        self, image: Float[Array, "b h w c"], train: bool = False
    ) -> Float[Array, "b y"]:
        return self.head(self.features(image, train))


def imagenet(image: Float[Array, "b h w c"]) -> Float[Array, "b h w 3"]:
    """Returns images in -1..1 as networks trained on ImageNet take them, grey as RGB."""
    scale, shift = 0.5 / DEVIATION, (0.5 - MEAN) / DEVIATION
    return image * scale + shift
