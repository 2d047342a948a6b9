"""What every measure of features asks of an encoder of images."""

from typing import Any, Literal, Protocol, runtime_checkable

from jaxtyping import Array, Float, UInt

Fit = Literal["", "standardise", "axes"]


@runtime_checkable
class Encoder(Protocol):
    """Turns images into features, whose distributions are compared."""

    @property
    def name(self) -> str:
        """Say what the features are; distances of different names do not compare."""

    @property
    def size(self) -> int:
        """Return the number of features of an image."""

    @property
    def params(self) -> Any:
        """Return a tree of arrays to hand to `encode`: an argument, never a constant."""

    @property
    def fit(self) -> Fit:
        """Say what the features need of real training images to be compared.

        Nothing (""), a common scale ("standardise"), or the principal axes of many pixels
        ("axes").
        """

    @property
    def published(self) -> bool:
        """Say whether the literature's FID and KID are of these features, as they are."""

    def encode(
        self, params: Any, pixels: UInt[Array, "b h w c"]
    ) -> Float[Array, "b d"]:
        """Make features of stored pixels, each image's from itself alone; traceable."""
