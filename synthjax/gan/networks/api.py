"""What a model is to the training loop, the sampler and the tests.

To add a model, write a file that declares its `Model`, and enter it in the table of
models.py. Nothing else asks which model it is: what differs between models is said by
their networks, their capabilities and their preset.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, runtime_checkable

import jax
import numpy as np
from jaxtyping import Array, Float, Key

from synthjax.core.config import Config

if TYPE_CHECKING:
    AnyArray = Array
else:  # on devices, on the host, or the shape alone
    AnyArray = Array | np.ndarray | jax.ShapeDtypeStruct

Params = dict[str, Any]  # nested dict of float32 arrays


@runtime_checkable
class Init(Protocol):
    """Draws the parameters of a network."""

    def __call__(self, key: Key[Array, ""], /) -> Params: ...


@runtime_checkable
class Map(Protocol):
    """Maps latents and labels to styles; a label is 0, 1 or NaN (unknown)."""

    def __call__(
        self, params: Params, z: Float[Array, "b z"], label: Float[Array, "b y"], /
    ) -> Float[Array, "b style"]: ...


@runtime_checkable
class Synthesize(Protocol):
    """Makes float32 images, about -1..1, of a style for each of n layers."""

    def __call__(
        self,
        params: Params,
        ws: Float[Array, "b n style"],
        noise: tuple[Float[Array, "b _h _w 1"], ...],
        /,
    ) -> Float[Array, "b h w c"]: ...


@runtime_checkable
class Discriminate(Protocol):
    """Gives the logit of each image with its label; high is real."""

    def __call__(
        self,
        params: Params,
        image: Float[Array, "b h w c"],
        label: Float[Array, "b y"],
        /,
    ) -> Float[Array, " b"]: ...


@runtime_checkable
class DiscriminateWithLabels(Protocol):
    """Gives the logit, and a logit for each label; None if there are no labels."""

    def __call__(
        self,
        params: Params,
        image: Float[Array, "b h w c"],
        label: Float[Array, "b y"],
        /,
    ) -> tuple[Float[Array, " b"], Float[Array, "b y"] | None]: ...


@runtime_checkable
class AtResolution(Protocol):
    """Gives a growing network at a lower resolution, on the same parameters.

    `fade` is the weight of the newest layers in 0..1; None is 1.
    """

    def __call__(
        self, resolution: int, fade: Float[Array, ""] | None, /
    ) -> "Networks": ...


@dataclass(frozen=True)
class Networks:
    """One generator and one discriminator at one resolution, as pure functions."""

    resolution: int  # px
    channels: int
    labels: int
    z_size: int
    w_size: int
    num_ws: int  # styles that synthesize takes
    noise_shapes: tuple[tuple[int, int, int], ...]  # per layer; empty: no noise inputs
    init_generator: Init
    init_discriminator: Init
    map: Map
    synthesize: Synthesize
    discriminate: Discriminate
    discriminate_with_labels: DiscriminateWithLabels | None = (
        None  # None: no label head
    )
    at_resolution: AtResolution | None = None  # None: the networks do not grow


@dataclass(frozen=True)
class Capabilities:
    """What networks of these sizes can do, so that nobody asks for the model's name."""

    has_mapping: bool = False  # styles of their own: path lengths and style mixing
    has_label_head: bool = False  # logits for each label, if the images have labels
    has_conditional_logit: bool = True  # the discriminator's logit depends on the label
    mbstd_group: int = 1  # images per minibatch standard deviation group
    bf16_from: int = 0  # px from which blocks compute in bfloat16; 0 is never
    # Arrays with an entry for each label: the last two parts of the name -> the axis of
    # the labels, and whether the layer divides by the root of their number.
    label_axes: Mapping[str, tuple[int, bool]] = field(default_factory=dict)


Sizes = TypeVar("Sizes", bound=Config)
Sizes_contra = TypeVar("Sizes_contra", bound=Config, contravariant=True)


@dataclass(frozen=True)
class Preset(Generic[Sizes]):
    """What a publication trains with: the values of a GanConfig's fields that are None."""

    sizes: Sizes  # the model's section, with its own presets filled in
    kimg: float
    batch_size: int
    loss: str
    label_loss: str
    label_weight: float
    generator_learning_rate: float
    discriminator_learning_rate: float
    r1_weight: float
    ema_half_life_kimg: float
    ema_decay: float
    path_weight: float = 0.0
    style_mixing: float = 0.0
    phase_kimg: float | None = None  # None: the networks do not grow
    grown_batch_sizes: tuple[int, ...] = ()  # likewise


@runtime_checkable
class MakeNetworks(Protocol[Sizes_contra]):
    """Makes the networks of a model; nothing is computed yet."""

    def __call__(
        self, sizes: Sizes_contra, /, *, resolution: int, channels: int, labels: int
    ) -> Networks: ...


@runtime_checkable
class MakePreset(Protocol[Sizes]):
    """Gives the preset for images of a resolution, px.

    `batch_size` and `grown_batch_sizes` are the config's, None if they are open: other
    numbers may follow from them.
    """

    def __call__(
        self,
        sizes: Sizes,
        /,
        *,
        resolution: int,
        batch_size: int | None,
        grown_batch_sizes: tuple[int, ...] | None,
    ) -> Preset[Sizes]: ...


@dataclass(frozen=True)
class Model(Generic[Sizes]):
    """An entry of the table of models."""

    config: Callable[[], Sizes]  # the dataclass of its sizes and options
    make: MakeNetworks[Sizes]
    preset: MakePreset[Sizes]
    capabilities: Callable[[Sizes], Capabilities]
