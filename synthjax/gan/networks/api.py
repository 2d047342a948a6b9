"""What the training loop, the sampler and the tests know of a GAN: pure functions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Params = dict[str, Any]  # nested dict of float32 arrays


@dataclass(frozen=True)
class Networks:
    """One generator and one discriminator at one resolution.

    Shapes: z "b z", label "b y" (0, 1, NaN = unknown), w "b w", ws "b n w" with
    n = `num_ws`, noise a tuple of "b h w 1" arrays as in `noise_shapes`, image
    "b h w c" float32 in about -1..1, logits "b". Random keys are jax.random keys.
    """

    resolution: int  # px
    channels: int
    labels: int
    z_size: int
    w_size: int
    num_ws: int  # styles that synthesize takes
    noise_shapes: tuple[tuple[int, int, int], ...]  # per layer; empty: no noise inputs
    init_generator: Callable[[Any], Params]  # key -> parameters
    init_discriminator: Callable[[Any], Params]  # key -> parameters
    map: Callable[..., Any]  # (params, z, label) -> w
    synthesize: Callable[..., Any]  # (params, ws, noise) -> image
    discriminate: Callable[..., Any]  # (params, image, label) -> logit
    # (params, image, label) -> (logit, label_logits "b y"); None: no label head
    discriminate_with_labels: Callable[..., Any] | None = None
    at_resolution: Callable[..., Any] | None = None
