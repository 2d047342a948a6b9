"""What every measure of features asks of an encoder of images."""

from typing import Any, Literal, Protocol, runtime_checkable

from jaxtyping import Array, Float, UInt

Fit = Literal["", "standardise", "axes"]


@runtime_checkable
class Encoder(Protocol):
    """Turns images into features, whose distributions are compared."""

    @property
    def name(self) -> str:
        """Says what the features are; distances of different names do not compare."""

    @property
    def size(self) -> int:
        """Features per image."""

    @property
    def params(self) -> Any:
        """A tree of arrays to hand to `encode`: an argument, never a constant."""

    @property
    def fit(self) -> Fit:
        """What the features need of real training images before they are compared.

        Nothing, a common scale ("standardise"), or the principal axes of many pixels
        ("axes").
        """

    def encode(
        self, params: Any, pixels: UInt[Array, "b h w c"]
    ) -> Float[Array, "b d"]:
        """Features of stored pixels, each image's from itself alone; traceable."""
