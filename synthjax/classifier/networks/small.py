"""A compact residual network for small images, quick to train on a CPU.

The first convolution halves the resolution, so that no 3x3 convolution runs at full
size: on a CPU the whole step is then about four times quicker (measured at 32 px). Group
normalisation needs no batch statistics, so the result for an image never depends on the
rest of the batch or on the number of devices.
"""

from dataclasses import dataclass

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from synthjax.core.config import Config, field
from synthjax.core.errors import ConfigError

GROUP = 8  # channels normalised together
STAGES = 3  # each at half the resolution and twice the channels of the one before
# Uniform and not normal: a truncated normal takes XLA seconds to compile.
INIT = nn.initializers.variance_scaling(2.0, "fan_in", "uniform")
DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}


@dataclass(frozen=True)
class SmallConfig(Config):
    """Size of the compact residual network."""

    width: int = field(
        16, "channels of the first stage; the next have 2 and 4 times as many", ge=GROUP
    )
    depth: int = field(1, "residual blocks in a stage", ge=1)
    dtype: str = field("float32", "arithmetic inside the network", one_of=DTYPES)

    def check(self) -> None:
        """Raises ConfigError unless the channels form whole groups."""
        if self.width % GROUP:
            raise ConfigError(f"width={self.width}: must be a multiple of {GROUP}")


class Block(nn.Module):
    """A residual block with normalisation before each convolution."""

    channels: int
    dtype: str  # a key of DTYPES

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        dtype = DTYPES[self.dtype]

        def convolve(y: Float[Array, "b h w c"], name: str) -> Float[Array, "b h w d"]:
            y = nn.GroupNorm(None, GROUP, dtype=dtype, name=f"norm_{name}")(y)
            return nn.Conv(
                self.channels,
                (3, 3),
                use_bias=False,
                kernel_init=INIT,
                dtype=dtype,
                name=f"conv_{name}",
            )(nn.relu(y))

        y = convolve(convolve(x, "0"), "1")
        if x.shape[-1] != self.channels:
            x = nn.Dense(
                self.channels,
                use_bias=False,
                kernel_init=INIT,
                dtype=dtype,
                name="skip",
            )(x)
        return x + y


class SmallNet(nn.Module):
    """Logits [b y] and pooled features [b 4 * width] of images [b h w c] in -1..1."""

    config: SmallConfig
    n_labels: int

    def setup(self) -> None:
        config, dtype = self.config, DTYPES[self.config.dtype]
        self.stem = nn.Conv(
            config.width, (5, 5), strides=(2, 2), kernel_init=INIT, dtype=dtype
        )
        self.stages = [
            [Block(config.width * 2**stage, config.dtype) for _ in range(config.depth)]
            for stage in range(STAGES)
        ]
        self.norm = nn.GroupNorm(None, GROUP, dtype=dtype)
        self.head = nn.Dense(self.n_labels, kernel_init=INIT)

    def features(self, image: Float[Array, "b h w c"]) -> Float[Array, "b f"]:
        """Returns globally average-pooled features, float32."""
        x = self.stem(image)
        for stage, blocks in enumerate(self.stages):
            if stage:
                x = nn.avg_pool(x, (2, 2), (2, 2))
            for block in blocks:
                x = block(x)
        x = nn.relu(self.norm(x)).astype(jnp.float32)
        return jnp.mean(x, axis=(1, 2))

    def __call__(self, image: Float[Array, "b h w c"]) -> Float[Array, "b y"]:
        return self.head(self.features(image))
