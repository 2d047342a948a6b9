"""StyleGAN2 for multi-hot labels: skip generator, residual discriminator.

Karras et al. 2020 (arXiv:1912.04958), configuration F, and 2020b (arXiv:2006.06676)
for the channel counts and the label embedding. Different here: labels are coded
+1 present, -1 absent, 0 unknown, and the discriminator has an unconditional logit
beside the conditional one, so that a row without findings is information and not
silence.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from synthjax.gan.labels import label_code
from synthjax.gan.networks.api import Model, Networks, Params
from synthjax.gan.networks.layers import (
    Conv,
    Conv1x1,
    Dense,
    FromRGB,
    StyledConv,
    ToRGB,
    apply,
    minibatch_stddev,
    normalize,
)
from synthjax.gan.networks.remat import remat
from synthjax.gan.networks.resample import downsample, upsample
from synthjax.gan.networks.resolutions import check_resolution, resolutions
from synthjax.gan.networks.stylegan2_config import (
    StyleGAN2Config,
    capabilities,
    preset,
)


class Mapping(nn.Module):
    """(z, label) to the intermediate latent w; learns at a hundredth of the rate."""

    config: StyleGAN2Config

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Float[Array, "b y"]
    ) -> Float[Array, "b style"]:
        x = normalize(z)
        if label.shape[-1]:
            code = Dense(self.config.label_size, name="label")(label_code(label))
            x = jnp.concatenate([x, normalize(code)], axis=-1)
        for i in range(self.config.mapping_layers):
            x = Dense(
                self.config.w_size, active=True, lr_multiplier=0.01, name=f"dense{i}"
            )(x)
        return x


class Block(nn.Module):
    """A block by itself, as a pure function of its own parameters."""

    body: Callable[..., Any]

    @nn.compact
    def __call__(self, *arrays: Any) -> Any:
        return self.body(*arrays)


def run_block(
    module: nn.Module, names: list[str], body: Callable[..., Any], *arrays: Any
) -> Any:
    """Returns `body(*arrays)`, its activations computed again in the backward pass.

    The layers of `body` are the `names` of `module`.
    """
    params = module.variables["params"]

    def pure(params: Params, *arrays: Any) -> Any:
        return Block(body, parent=None).apply({"params": params}, *arrays)

    return remat(pure)({name: params[name] for name in names}, *arrays)


class Synthesis(nn.Module):
    """Styles and noise to an image: a constant, blocks, and a sum of their outputs."""

    config: StyleGAN2Config
    resolution: int
    channels: int

    @nn.compact
    def __call__(
        self,
        ws: Float[Array, "b n style"],
        noise: tuple[Float[Array, "b _h _w 1"], ...],
    ) -> Float[Array, "b h w c"]:
        config, layer = self.config, 0
        first = config.channels(4)
        constant = self.param("constant", nn.initializers.normal(1.0), (4, 4, first))
        x = jnp.broadcast_to(constant, (ws.shape[0], 4, 4, first))
        image = None
        for resolution in resolutions(self.resolution):
            # The last style of a block, its image's, is also the next block's first:
            # one w per convolution, and one more for the last image.
            names = synthesis_layers(resolution)
            end = layer + len(names) - 1
            body = partial(synthesis_block, config, resolution, self.channels)
            if config.uses_remat(resolution) and not self.is_initializing():
                body = partial(run_block, self, names, body)
            x, y = body(x, ws[:, layer : end + 1], noise[layer:end])
            image = y if image is None else upsample(image) + y
            layer = end
        assert image is not None  # there is always a block of 4 px
        return image


def synthesis_layers(resolution: int) -> list[str]:
    """Returns the names of a synthesis block's layers, in order."""
    names = [f"conv{resolution}_up", f"conv{resolution}", f"image{resolution}"]
    return names if resolution > 4 else names[1:]


def synthesis_block(
    config: StyleGAN2Config,
    resolution: int,
    channels: int,
    x: Float[Array, "b h w c"],
    ws: Float[Array, "b n style"],
    noise: tuple[Float[Array, "b i j 1"], ...],
) -> tuple[Float[Array, "b i j o"], Float[Array, "b i j k"]]:
    """Goes from the previous block's features to features and image at `resolution`."""
    x = x.astype(config.dtype(resolution))
    *convs, to_image = synthesis_layers(resolution)
    for i, name in enumerate(convs):
        x = StyledConv(
            config.channels(resolution),
            up=name.endswith("_up"),
            clamp=config.conv_clamp,
            name=name,
        )(x, ws[:, i], noise[i] if noise else None)
    image = ToRGB(channels, config.conv_clamp, name=to_image)(x, ws[:, len(convs)])
    return x, image


class Discriminator(nn.Module):
    """Image and label to a logit, and to per-label logits if `label_head`."""

    config: StyleGAN2Config
    resolution: int

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Float[Array, "b y"]
    ) -> tuple[Float[Array, " b"], Float[Array, "b y"] | None]:
        config, x = self.config, image
        for resolution in reversed(resolutions(self.resolution)[1:]):
            top = resolution == self.resolution
            body = partial(discriminator_block, config, resolution, top)
            if config.uses_remat(resolution) and not self.is_initializing():
                names = discriminator_layers(resolution, top)
                body = partial(run_block, self, names, body)
            x = body(x)
        x = x.astype(jnp.float32)
        if config.mbstd_group > 1:
            x = minibatch_stddev(x, config.mbstd_group)
        features = config.channels(4)
        x = Conv(features, clamp=config.conv_clamp, name="conv4")(x)
        x = x.reshape(x.shape[0], -1)
        x = Dense(features, active=True, name="dense")(x)
        logit = Dense(1, name="logit")(x)[:, 0]
        if label.shape[-1] == 0:
            return logit, None
        logit = logit + self._label_logit(x, label_code(label))
        if not config.label_head:
            return logit, None
        return logit, Dense(label.shape[-1], name="label_logits")(x)

    def _label_logit(
        self, x: Float[Array, "b f"], code: Float[Array, "b y"]
    ) -> Float[Array, " b"]:
        """Returns what the label adds to the logit, of unit scale for a code of +-1.

        projection: inner product with an embedding (Miyato & Koyama 2018,
        arXiv:1802.05637). selected: one output per label, those of the present labels
        added and those of the absent ones subtracted.
        """
        features, labels = x.shape[-1], code.shape[-1]
        if self.config.conditioning == "projection":
            embedding = Dense(features, name="label")(code)
            direction = Dense(features, name="projection")(x)
            return jnp.sum(embedding * direction, axis=-1) / features**0.5
        if self.config.conditioning == "selected":
            outputs = Dense(labels, name="selected")(x)
            return jnp.sum(outputs * code, axis=-1) / labels**0.5
        return jnp.zeros(x.shape[:1], jnp.float32)


def discriminator_layers(resolution: int, top: bool) -> list[str]:
    """Returns the names of a discriminator block's layers."""
    names = [f"skip{resolution}", f"conv{resolution}", f"conv{resolution}_down"]
    return ["image", *names] if top else names


def discriminator_block(
    config: StyleGAN2Config, resolution: int, top: bool, x: Float[Array, "b h w c"]
) -> Float[Array, "b i j o"]:
    """Applies the residual block to half of `resolution`; both paths share the sum.

    The `top` block takes the image.
    """
    half, clamp = 0.5**0.5, config.conv_clamp
    width, features = (config.channels(r) for r in (resolution, resolution // 2))
    x = x.astype(config.dtype(resolution))
    if top:
        x = FromRGB(width, clamp, name="image")(x)
    skip = Conv1x1(features, gain=half, name=f"skip{resolution}")(downsample(x))
    x = Conv(width, clamp=clamp, name=f"conv{resolution}")(x)
    name = f"conv{resolution}_down"
    x = Conv(features, down=True, gain=half, clamp=clamp, name=name)(x)
    return x + skip


def make_networks(
    config: StyleGAN2Config, *, resolution: int, channels: int, labels: int
) -> Networks:
    """Makes both networks as pure functions; nothing is computed yet.

    Raises:
      ConfigError: `resolution` is not a power of two of at least 8 px.
    """
    check_resolution(resolution)
    sides = resolutions(resolution)
    noise_sides = [side for side in sides for _ in range(2)][1:]
    num_ws = len(noise_sides) + 1
    noise_shapes = (
        tuple((side, side, 1) for side in noise_sides) if config.noise else ()
    )
    mapping = Mapping(config)
    synthesis = Synthesis(config, resolution, channels)
    discriminator = Discriminator(config, resolution)

    def init_generator(key: Array) -> Params:
        mapping_key, synthesis_key = jax.random.split(key)
        z, label = jnp.zeros((1, config.z_size)), jnp.zeros((1, labels))
        ws = jnp.zeros((1, num_ws, config.w_size))
        noise = tuple(jnp.zeros((1, *shape)) for shape in noise_shapes)
        return {
            "mapping": mapping.init(mapping_key, z, label)["params"],
            "synthesis": synthesis.init(synthesis_key, ws, noise)["params"],
        }

    def init_discriminator(key: Array) -> Params:
        image = jnp.zeros((config.mbstd_group, resolution, resolution, channels))
        label = jnp.zeros((config.mbstd_group, labels))
        return discriminator.init(key, image, label)["params"]

    def with_labels(
        params: Params, image: Array, label: Array
    ) -> tuple[Array, Array | None]:
        return apply(discriminator, params, image, label)

    return Networks(
        resolution=resolution,
        channels=channels,
        labels=labels,
        z_size=config.z_size,
        w_size=config.w_size,
        num_ws=num_ws,
        noise_shapes=noise_shapes,
        # Compiled, so that the forward pass that gives the shapes is never run.
        init_generator=jax.jit(init_generator),
        init_discriminator=jax.jit(init_discriminator),
        map=lambda params, z, label: apply(mapping, params["mapping"], z, label),
        synthesize=lambda params, ws, noise: apply(
            synthesis, params["synthesis"], ws, noise
        ),
        discriminate=lambda params, image, label: with_labels(params, image, label)[0],
        discriminate_with_labels=with_labels if config.label_head else None,
    )


MODEL = Model(StyleGAN2Config, make_networks, preset, capabilities)
