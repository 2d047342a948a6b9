"""What a GAN run can be told; `presets.resolve` fills in what is left open."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from synthjax.core.config import MAX_SEED, field
from synthjax.core.errors import ConfigError, StudyError
from synthjax.gan.augment.augment import AugmentConfig
from synthjax.gan.early_stop_config import EarlyStopConfig, ResolvedEarlyStop
from synthjax.gan.losses import LABEL_LOSSES, LOSSES
from synthjax.gan.models import ModelConfig

_NUMBER = (-1.0, -1)  # stood for the preset in the last release


@dataclass(frozen=True)
class GanConfig(ModelConfig):
    """How the generator learns p(image | labels). Time is counted in kimg.

    One kimg is a thousand real images shown to the discriminator. What is None takes
    the preset of the model and the resolution.
    """

    REMOVED: ClassVar = {
        "describe": "python -m launch.gan --describe prints the sizes of both networks",
    }

    @classmethod
    def upgraded(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Returns values of the last release under today's keys.

        A run of it saved weights that its model or loss had no use for, and took them
        for 0 in silence; today they are refused, so a saved one is read as the 0 that
        it was. Such a config has the key `describe`, which is gone.
        """
        if "describe" not in values:
            return values
        model = values.get("model", "stylegan2")
        published = model in ("prog_gan", "cpd_gan")  # trained by WGAN-GP if not told
        unused: list[str] = []
        if values.get("loss") == "wgan_gp" or (published and not values.get("loss")):
            unused += ["r1_weight", "r2_weight"]
        if published:
            unused += ["path_weight", "style_mixing"]
        if model == "cpd_gan":
            unused += ["label_weight"]
        return values | dict.fromkeys(unused, 0.0)

    seed: int = field(
        0,
        "added to the study's seed, so that another generator of the same data can be "
        "asked for",
        ge=0,
        le=MAX_SEED,
    )
    init_from: str = field(
        "", "folder gan/ of another study, to start from its weights", is_place=True
    )
    init_step: int = field(0, "its checkpoint; 0 is the newest", ge=0)

    kimg: float | None = field(
        None, "length of the training, kimg; more continues", gt=0, formerly=_NUMBER
    )
    batch_size: int | None = field(
        None, "real images per update, over all processes", ge=1, formerly=(0,)
    )
    phase_kimg: float | None = field(
        None, "length of each phase of a growing network, kimg", gt=0, formerly=_NUMBER
    )
    grown_batch_sizes: tuple[int, ...] | None = field(
        None,
        "batch sizes of a growing network, one for each resolution, smallest first",
        ge=1,
        formerly=((),),
    )
    accumulate: int = field(
        1,
        "parts in which a device takes its batch, one after the other, to save memory",
        ge=1,
        affects_result=False,
    )
    balanced_rows: float = field(
        0.0,
        "share of the requested labels that are drawn balanced by finding",
        ge=0,
        le=1,
    )

    loss: str | None = field(
        None, "adversarial loss", one_of=tuple(LOSSES), formerly=("",)
    )
    r1_weight: float | None = field(
        None,
        "gamma of R1, which is gamma/2 times the squared gradient at real images",
        ge=0,
        formerly=_NUMBER,
    )
    r2_weight: float = field(0.0, "gamma of R2, the same at synthetic images", ge=0)
    r1_every: int = field(
        16, "updates from one R1 and R2 update to the next; 0 is never", ge=0
    )
    gradient_penalty: float = field(
        10.0, "weight of the gradient penalty of loss wgan_gp", ge=0
    )
    drift: float = field(
        0.001, "weight of the squared logit of real images in loss wgan_gp", ge=0
    )
    label_weight: float | None = field(
        None, "weight of the label head's loss; 0 is without", ge=0, formerly=_NUMBER
    )
    label_loss: str | None = field(
        None, "loss of the label head", one_of=tuple(LABEL_LOSSES), formerly=("",)
    )
    path_weight: float | None = field(
        None, "weight of the path-length regularization", ge=0, formerly=_NUMBER
    )
    path_every: int = field(
        4, "updates from one path-length update to the next; 0 is never", ge=0
    )
    style_mixing: float | None = field(
        None,
        "share of images in training with the styles of two latents",
        ge=0,
        le=1,
        formerly=_NUMBER,
    )
    augment: AugmentConfig = field(  # noqa: RUF009
        AugmentConfig, "augmentation of what the discriminator sees"
    )

    generator_learning_rate: float | None = field(
        None, "Adam's step size for the generator", gt=0, formerly=_NUMBER
    )
    discriminator_learning_rate: float | None = field(
        None, "Adam's step size for the discriminator", gt=0, formerly=_NUMBER
    )
    adam_beta1: float = field(
        0.0, "decay of Adam's first moment, per update", ge=0, lt=1
    )
    adam_beta2: float = field(
        0.99, "decay of Adam's second moment, per update", ge=0, lt=1
    )
    adam_epsilon: float = field(1e-8, "added to the root of Adam's second moment", gt=0)
    max_skipped: int = field(
        100, "updates left out for gradients that are not finite, before it ends", ge=0
    )

    ema_half_life_kimg: float | None = field(
        None, "half-life of the averaged generator, kimg", gt=0, formerly=_NUMBER
    )
    ema_rampup: float = field(
        0.05,
        "the half-life is at most this share of the kimg so far; 0 is no limit",
        ge=0,
    )
    ema_decay: float | None = field(
        None,
        "constant decay of the averaged generator per update, in place of the "
        "half-life; 0 is none",
        ge=0,
        lt=1,
        formerly=_NUMBER,
    )
    psi: float = field(
        1.0,
        "truncation of grids and samples: 1 is none, 0 is the label's centre",
        ge=0,
        le=1.5,
    )

    tick_kimg: float = field(
        2.0, "from one line of metrics to the next, kimg", gt=0, affects_result=False
    )
    grid_kimg: float = field(
        20.0, "from one grid of samples to the next, kimg", gt=0, affects_result=False
    )
    grid_rows: int = field(
        4,
        "latents in the grid, each a row over all label columns",
        ge=1,
        affects_result=False,
    )
    checkpoint_kimg: float = field(
        20.0, "from one checkpoint to the next, kimg", gt=0, affects_result=False
    )
    checkpoint_minutes: float = field(
        10.0,
        "a checkpoint is written at least this often, minutes",
        gt=0,
        affects_result=False,
    )
    keep: int = field(2, "newest checkpoints kept on disk", ge=1, affects_result=False)
    indicators: bool = field(
        True,
        "indicators of overfitting, diversity and labels at each grid",
        affects_result=False,
    )
    early_stop: EarlyStopConfig = field(  # noqa: RUF009
        EarlyStopConfig, "end of the training once the images get no better"
    )
    resident: str = field(
        "auto",
        "whether the data set is kept in device memory",
        one_of=("auto", "always", "never"),
        affects_result=False,
    )

    def check(self) -> None:
        """Raises ConfigError for a weight that the model or the loss has no use for."""
        can = self.capabilities
        unused: dict[str, str] = {}
        if self.loss and LOSSES[self.loss].interpolates:
            reason = f"loss={self.loss} has a gradient penalty of its own"
            unused |= dict.fromkeys(("r1_weight", "r2_weight"), reason)
        if not can.has_mapping:
            reason = f"model={self.model} has no mapping network, as stylegan2 has"
            unused |= dict.fromkeys(("path_weight", "style_mixing"), reason)
        if not can.has_label_head:
            reason = (
                f"model={self.model} has no label head, as prog_gan always has and "
            )
            unused["label_weight"] = f"{reason}stylegan2 with label_head=True"
        for name, reason in unused.items():
            if value := getattr(self, name):
                raise ConfigError(
                    f"config.gan.{name}={value!r}: {reason}; set config.gan.{name}=0"
                )


class ResolvedConfig(GanConfig):
    """A config in which nothing is left to a preset; `presets.resolve` makes it.

    It has the fields of GanConfig, of which a type checker knows here that they are
    not None.
    """

    if TYPE_CHECKING:
        kimg: float
        batch_size: int
        grown_batch_sizes: tuple[int, ...]  # empty: the networks do not grow
        loss: str
        r1_weight: float
        label_weight: float
        label_loss: str
        path_weight: float
        style_mixing: float
        generator_learning_rate: float
        discriminator_learning_rate: float
        ema_half_life_kimg: float
        ema_decay: float
        early_stop: ResolvedEarlyStop

    @property
    def images(self) -> int:
        """Length of the training in images, a whole number of batches."""
        return -(-round(self.kimg * 1000) // self.batch_size) * self.batch_size


def check_batch(config: GanConfig, batch_size: int, *, device_count: int) -> None:
    """Checks that a batch splits over devices and parts into whole groups.

    A part smaller than a minibatch standard deviation group is a group itself.

    Raises:
      StudyError: it does not; the message gives the nearest sizes that do.
    """
    parts = device_count * config.accumulate
    group = config.capabilities.mbstd_group
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
