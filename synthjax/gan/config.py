"""What a GAN run can be told, and the table of networks it can choose from."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from synthjax.core.errors import ConfigError, StudyError
from synthjax.gan.losses import LOSSES
from synthjax.gan.models import stylegan2
from synthjax.gan.models.networks import Networks
from synthjax.gan.models.stylegan2 import StyleGAN2Config


@dataclass(frozen=True)
class GanConfig:
    """How the generator learns p(image | labels). Time is counted in kimg.

    One kimg is a thousand real images shown to the discriminator.
    """

    model: str = "stylegan2"  # networks: a name in MODELS
    stylegan2: StyleGAN2Config = field(default_factory=StyleGAN2Config)  # its sizes
    loss: str = "logistic"  # adversarial loss: a name in gan/losses.py LOSSES
    kimg: float = 200.0  # length of the training, kimg; a larger value continues
    batch_size: int = 32  # real images per update, over all devices and processes
    generator_learning_rate: float = 0.0025  # Adam step size of the generator
    discriminator_learning_rate: float = 0.0025  # Adam step size of the discriminator
    adam_beta1: float = 0.0  # decay of Adam's first moment, per update
    adam_beta2: float = 0.99  # decay of Adam's second moment, per update
    adam_epsilon: float = 1e-8  # added to the root of Adam's second moment
    r1_weight: float = 0.1  # gamma: R1 is gamma/2 times the squared gradient norm
    r1_every: int = 16  # updates from one R1 update to the next (lazy); 0 is never
    label_weight: float = 0.0  # of the label head's classification loss; 0 without
    ema_half_life_kimg: float = 10.0  # half-life of the averaged generator, kimg
    ema_rampup: float = 0.05  # half-life is at most this share of kimg; 0 no limit
    psi: float = 1.0  # truncation of grids and samples: 1 none, 0 the mean style
    tick_kimg: float = 2.0  # kimg from one line of metrics to the next
    grid_kimg: float = 20.0  # kimg from one grid of samples to the next
    grid_rows: int = 4  # latents in the grid, each a row over all label columns
    checkpoint_kimg: float = 20.0  # kimg from one checkpoint to the next
    checkpoint_minutes: float = 10.0  # and one at least this often, minutes
    keep: int = 2  # newest checkpoints kept on disk
    resident: str = "auto"  # data set in device memory: auto, always or never
    benchmark: bool = False  # time the update on random data, then stop

    def __post_init__(self) -> None:
        _one_of(self, "model", MODELS)
        _one_of(self, "loss", LOSSES)
        _one_of(self, "resident", ("auto", "always", "never"))
        positive = (
            "kimg batch_size generator_learning_rate discriminator_learning_rate "
            "adam_epsilon ema_half_life_kimg tick_kimg grid_kimg grid_rows "
            "checkpoint_kimg checkpoint_minutes keep"
        )
        for name in positive.split():
            _check(self, name, getattr(self, name) > 0, "must be more than 0")
        for name in ("r1_weight", "r1_every", "label_weight", "ema_rampup"):
            _check(self, name, getattr(self, name) >= 0, "must be 0 or more")
        for name in ("adam_beta1", "adam_beta2"):
            _check(self, name, 0 <= getattr(self, name) < 1, "must be in [0, 1)")
        head = self.stylegan2.label_head or not self.label_weight
        _check(self, "label_weight", head, "needs config.gan.stylegan2.label_head=True")
        _check(self, "psi", 0 <= self.psi <= 1.5, "must be in [0, 1.5]; 1 is usual")

    @property
    def images(self) -> int:
        """Length of the training in images, a whole number of batches."""
        return -(-round(self.kimg * 1000) // self.batch_size) * self.batch_size


def _check(config: GanConfig, name: str, good: bool, rule: str) -> None:
    if not good:
        raise ConfigError(f"{name}={getattr(config, name)!r}: {rule}")


def _one_of(config: GanConfig, name: str, allowed: Iterable[str]) -> None:
    names = tuple(allowed)
    rule = f"must be one of {', '.join(names)}"
    _check(config, name, getattr(config, name) in names, rule)


def _stylegan2(
    config: GanConfig, *, resolution: int, channels: int, labels: int
) -> Networks:
    return stylegan2.make_networks(
        config.stylegan2, resolution=resolution, channels=channels, labels=labels
    )


# The one table of networks: name in the config -> maker.
MODELS: dict[str, Callable[..., Networks]] = {"stylegan2": _stylegan2}


def check_batch(config: GanConfig, *, device_count: int) -> None:
    """Checks that the batch splits over the devices into whole groups.

    Raises:
      StudyError: it does not; the message gives the nearest sizes that do.
    """
    group = config.stylegan2.mbstd_group
    unit = device_count * group
    if config.batch_size % unit == 0:
        return
    below = config.batch_size // unit * unit
    nearest = f"{below} or {below + unit}" if below else str(unit)
    raise StudyError(
        f"config.gan.batch_size={config.batch_size} does not divide by "
        f"{device_count} device(s) into minibatch standard deviation groups of "
        f"{group}; choose {nearest}, or change config.devices.count"
    )
