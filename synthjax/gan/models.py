"""The one table of models, and what of a gan config says which one is trained."""

from dataclasses import dataclass
from typing import Any

from synthjax.core.config import Config, field
from synthjax.gan.networks import cpd_gan, prog_gan, stylegan2
from synthjax.gan.networks.api import Capabilities, Model, Networks
from synthjax.gan.networks.cpd_gan import CpdGanConfig
from synthjax.gan.networks.prog_gan import ProgGanConfig
from synthjax.gan.networks.stylegan2 import StyleGAN2Config

# Name in the config -> model. A model from outside the package is entered before the
# config is read: MODELS["mine"] = Model(...), such as in the study's config file.
MODELS: dict[str, Model[Any]] = {
    "stylegan2": stylegan2.MODEL,
    "prog_gan": prog_gan.MODEL,
    "cpd_gan": cpd_gan.MODEL,
}


@dataclass(frozen=True)
class ModelConfig(Config):
    """Which model is trained, and the sizes and options of each.

    A model that has no section here, being from outside, is made with the defaults of
    its own config: to change them, enter it with other ones.
    """

    model: str = field("stylegan2", "networks that are trained", one_of=lambda: MODELS)
    stylegan2: StyleGAN2Config = field(  # noqa: RUF009
        StyleGAN2Config, "sizes and options of model stylegan2"
    )
    prog_gan: ProgGanConfig = field(  # noqa: RUF009
        ProgGanConfig, "sizes and options of model prog_gan"
    )
    cpd_gan: CpdGanConfig = field(  # noqa: RUF009
        CpdGanConfig, "sizes and options of model cpd_gan"
    )

    @property
    def sections(self) -> dict[str, Config]:
        """The sections of this config that belong to one model each, by its name."""
        return {
            "stylegan2": self.stylegan2,
            "prog_gan": self.prog_gan,
            "cpd_gan": self.cpd_gan,
        }

    @property
    def sizes(self) -> Config:
        """The section of the model that is trained."""
        return self.sections.get(self.model) or MODELS[self.model].config()

    @property
    def capabilities(self) -> Capabilities:
        """What the networks of the model that is trained can do."""
        return MODELS[self.model].capabilities(self.sizes)

    def unselected(self) -> tuple[str, ...]:
        """Returns the names of the other models' sections."""
        return tuple(name for name in self.sections if name != self.model)


def make_networks(
    config: ModelConfig, *, resolution: int, channels: int, labels: int
) -> Networks:
    """Makes the networks that a resolved gan config names; nothing is computed yet.

    Args:
      config: a gan config, resolved.
      resolution: of the images, px.
      channels: of the images.
      labels: findings per image.

    Raises:
      ConfigError: the model cannot make such images.
    """
    return MODELS[config.model].make(
        config.sizes, resolution=resolution, channels=channels, labels=labels
    )
