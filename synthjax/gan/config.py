"""What a GAN run can be told; `presets.resolve` fills in what is left open."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from synthjax.core.errors import ConfigError, StudyError
from synthjax.gan.augment.augment import AugmentConfig
from synthjax.gan.losses import LABEL_LOSSES, LOSSES
from synthjax.gan.monitor.early_stop import EarlyStopConfig
from synthjax.gan.networks import cpd_gan, prog_gan, stylegan2
from synthjax.gan.networks.api import Networks
from synthjax.gan.networks.cpd_gan import CpdGanConfig
from synthjax.gan.networks.prog_gan import ProgGanConfig
from synthjax.gan.networks.stylegan2 import StyleGAN2Config

OPEN = -1.0  # a number left to the preset of the model and resolution
_OPEN_OR_POSITIVE = (
    "kimg generator_learning_rate discriminator_learning_rate ema_half_life_kimg "
    "phase_kimg"
)
_OPEN_OR_NOT_NEGATIVE = "r1_weight label_weight ema_decay style_mixing path_weight"
_POSITIVE = (
    "accumulate adam_epsilon tick_kimg grid_kimg grid_rows checkpoint_kimg "
    "checkpoint_minutes keep"
)
_NOT_NEGATIVE = (
    "batch_size r1_every r2_weight path_every gradient_penalty drift ema_rampup "
    "max_skipped init_step"
)


@dataclass(frozen=True)
class GanConfig:
    """How the generator learns p(image | labels). Time is counted in kimg.

    One kimg is a thousand real images shown to the discriminator. A field whose comment
    ends in "preset" takes, left as it is, what gan/presets.py has for the model and the
    resolution.
    """

    model: str = "stylegan2"  # networks: a name in MODELS
    stylegan2: StyleGAN2Config = field(default_factory=StyleGAN2Config)  # its sizes
    prog_gan: ProgGanConfig = field(default_factory=ProgGanConfig)  # its sizes
    cpd_gan: CpdGanConfig = field(default_factory=CpdGanConfig)  # its sizes
    init_from: str = ""  # gan directory of another study whose weights to start from
    init_step: int = 0  # its checkpoint; 0 is the newest

    kimg: float = OPEN  # length of the training, kimg; more continues; preset
    batch_size: int = 0  # real images per update, over all processes; 0: preset
    phase_kimg: float = OPEN  # of each phase of a growing network, kimg; preset
    grown_batch_sizes: tuple[
        int, ...
    ] = ()  # and its batches, smallest px first; preset
    accumulate: int = 1  # parts in which a device takes its batch, to save memory
    balanced_rows: float = 0.0  # share of synthetic labels drawn balanced by finding

    loss: str = ""  # adversarial loss: a name in gan/losses.py LOSSES; empty: preset
    r1_weight: float = OPEN  # gamma: R1 is gamma/2 times the squared gradient; preset
    r2_weight: float = 0.0  # the same at synthetic images
    r1_every: int = 16  # updates from one R1/R2 update to the next (lazy); 0 is never
    gradient_penalty: float = 10.0  # weight of the penalty of loss wgan_gp
    drift: float = 0.001  # weight of the squared real logit of loss wgan_gp
    label_weight: float = OPEN  # of the label head's loss; 0 without; preset
    label_loss: str = ""  # a name in gan/losses.py LABEL_LOSSES; empty: preset
    path_weight: float = OPEN  # of path-length regularisation; preset
    path_every: int = 4  # updates from one path-length update to the next; 0 is never
    style_mixing: float = OPEN  # share of images with styles of two latents; preset
    augment: AugmentConfig = field(default_factory=AugmentConfig)  # of what D sees

    generator_learning_rate: float = OPEN  # Adam step size of the generator; preset
    discriminator_learning_rate: float = OPEN  # and of the discriminator; preset
    adam_beta1: float = 0.0  # decay of Adam's first moment, per update
    adam_beta2: float = 0.99  # decay of Adam's second moment, per update
    adam_epsilon: float = 1e-8  # added to the root of Adam's second moment
    max_skipped: int = 100  # updates left out for gradients that are not finite

    ema_half_life_kimg: float = OPEN  # of the averaged generator, kimg; preset
    ema_rampup: float = 0.05  # half-life is at most this share of kimg; 0 no limit
    ema_decay: float = OPEN  # per update, in place of the half-life; 0 none; preset
    psi: float = 1.0  # truncation of grids and samples: 1 none, 0 the label's centre

    tick_kimg: float = 2.0  # kimg from one line of metrics to the next
    grid_kimg: float = 20.0  # kimg from one grid of samples to the next
    grid_rows: int = 4  # latents in the grid, each a row over all label columns
    checkpoint_kimg: float = 20.0  # kimg from one checkpoint to the next
    checkpoint_minutes: float = 10.0  # and one at least this often, minutes
    keep: int = 2  # newest checkpoints kept on disk
    indicators: bool = True  # overfitting, diversity, label indicators at each grid
    early_stop: EarlyStopConfig = field(default_factory=EarlyStopConfig)
    resident: str = "auto"  # data set in device memory: auto, always or never
    describe: bool = False  # print the sizes of both networks, then stop

    def __post_init__(self) -> None:
        _one_of(self, "model", MODELS)
        _one_of(self, "loss", ("", *LOSSES))
        _one_of(self, "label_loss", ("", *LABEL_LOSSES))
        _one_of(self, "resident", ("auto", "always", "never"))
        for name in _POSITIVE.split():
            _check(self, name, getattr(self, name) > 0, "must be more than 0")
        for name in _NOT_NEGATIVE.split():
            _check(self, name, getattr(self, name) >= 0, "must be 0 or more")
        for name in _OPEN_OR_POSITIVE.split():
            value = getattr(self, name)
            rule = "must be more than 0, or -1 for the preset"
            _check(self, name, value > 0 or value == OPEN, rule)
        for name in _OPEN_OR_NOT_NEGATIVE.split():
            value = getattr(self, name)
            rule = "must be 0 or more, or -1 for the preset"
            _check(self, name, value >= 0 or value == OPEN, rule)
        for name in ("adam_beta1", "adam_beta2"):
            _check(self, name, 0 <= getattr(self, name) < 1, "must be in [0, 1)")
        _check(self, "ema_decay", self.ema_decay < 1, "must be less than 1")
        _check(self, "style_mixing", self.style_mixing <= 1, "must be at most 1")
        balanced = 0 <= self.balanced_rows <= 1
        _check(self, "balanced_rows", balanced, "must be in [0, 1]")
        if self.model == "stylegan2":
            head = self.stylegan2.label_head or self.label_weight in (0, OPEN)
            rule = "needs config.gan.stylegan2.label_head=True"
            _check(self, "label_weight", head, rule)
        _check(self, "psi", 0 <= self.psi <= 1.5, "must be in [0, 1.5]; 1 is usual")

    @property
    def images(self) -> int:
        """Length of the training in images, a whole number of batches."""
        return -(-round(self.kimg * 1000) // self.batch_size) * self.batch_size

    @property
    def mbstd_group(self) -> int:
        """Images of a minibatch standard deviation group of the model."""
        return getattr(self, self.model).mbstd_group


def _check(config: GanConfig, name: str, good: bool, rule: str) -> None:
    if not good:
        raise ConfigError(f"{name}={getattr(config, name)!r}: {rule}")


def _one_of(config: GanConfig, name: str, allowed: Iterable[str]) -> None:
    names = tuple(allowed)
    rule = f"must be one of {', '.join(filter(None, names))}"
    _check(config, name, getattr(config, name) in names, rule)


def _stylegan2(config: GanConfig, **shape: int) -> Networks:
    return stylegan2.make_networks(config.stylegan2, **shape)


def _prog_gan(config: GanConfig, **shape: int) -> Networks:
    return prog_gan.make_networks(config.prog_gan, **shape)


def _cpd_gan(config: GanConfig, **shape: int) -> Networks:
    return cpd_gan.make_networks(config.cpd_gan, **shape)


# The one table of networks: name in the config -> maker, of (config, *, resolution,
# channels, labels).
MODELS: dict[str, Callable[..., Networks]] = {
    "stylegan2": _stylegan2,
    "prog_gan": _prog_gan,
    "cpd_gan": _cpd_gan,
}


def check_batch(config: GanConfig, batch_size: int, *, device_count: int) -> None:
    """Checks that a batch splits over devices and parts into whole groups.

    A part smaller than a minibatch standard deviation group is a group itself.

    Raises:
      StudyError: it does not; the message gives the nearest sizes that do.
    """
    parts = device_count * config.accumulate
    group = config.mbstd_group
    if batch_size % parts == 0 and (
        batch_size // parts % group == 0 or batch_size // parts < group
    ):
        return
    unit = parts * group
    below = batch_size // unit * unit
    nearest = f"{below} or {below + unit}" if below else str(unit)
    raise StudyError(
        f"config.gan.batch_size={batch_size} does not divide by "
        f"{device_count} device(s) and accumulate={config.accumulate} into minibatch "
        f"standard deviation groups of {group}; choose {nearest}, or change "
        "config.devices.count"
    )
