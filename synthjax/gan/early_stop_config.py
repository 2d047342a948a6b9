"""When the training of a GAN ends before its kimg are spent."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthjax.core.config import Config, field
from synthjax.core.errors import ConfigError
from synthjax.encoders import ENCODERS, EncoderConfig

_NUMBER = (-1.0, -1)  # stood for the preset in the last release


@dataclass(frozen=True)
class EarlyStopConfig(Config):
    """When to compare the generator's images with real ones, and when to stop."""

    encoder: str = field(
        "",
        "features to compare by; empty is no early stop",
        one_of=lambda: ("", *ENCODERS),
    )
    encoder_path: str = field(
        "",
        "of encoder own the folder classifier/<arm>/seed<k> of a study, of inception "
        "and the DenseNets a file of weights",
        is_place=True,
    )
    images: int = field(
        10_000, "real and as many synthetic images compared each time", ge=2
    )
    min_kimg: float | None = field(
        None, "no comparison before, kimg", ge=0, formerly=_NUMBER
    )
    every_kimg: float | None = field(
        None, "from one comparison to the next, kimg", gt=0, formerly=_NUMBER
    )
    patience: int | None = field(
        None,
        "comparisons in a row without a new best that end the training",
        ge=1,
        formerly=(0,),
    )

    def check(self) -> None:
        """Raises ConfigError unless the path is what the encoder needs."""
        if self.encoder:
            try:
                EncoderConfig(name=self.encoder, path=self.encoder_path)
            except (
                ConfigError
            ) as error:  # of its key `path`, which is encoder_path here
                raise ConfigError(f"encoder_{error}") from None
        elif self.encoder_path:
            raise ConfigError(
                f"encoder_path={self.encoder_path!r}: needs "
                "config.gan.early_stop.encoder, which is empty (off)"
            )


class ResolvedEarlyStop(EarlyStopConfig):
    """An early stop in which nothing is left to a preset."""

    if TYPE_CHECKING:
        min_kimg: float
        every_kimg: float
        patience: int
