"""The data stage's config and the table of its sources."""

import dataclasses
from collections.abc import Callable
from typing import Any

from synthjax.core.errors import ConfigError, StudyError
from synthjax.core.findings import BRAIN, CHEST
from synthjax.data.cohorts import check_cohort
from synthjax.data.images.pixels import RESOLUTIONS, PixelsConfig
from synthjax.data.layouts.hospital import LAYOUTS
from synthjax.data.listing import Context, Listing
from synthjax.data.sources import (
    chexpert,
    digits,
    folder,
    medmnist,
    mimic_cxr_jpg,
    nih14,
    phantom_brain,
    phantom_chest,
    rsna_ich,
)
from synthjax.data.sources.chexpert import ChexpertConfig
from synthjax.data.sources.digits import DigitsConfig
from synthjax.data.sources.folder import FolderConfig
from synthjax.data.sources.medmnist import MedmnistConfig
from synthjax.data.sources.mimic_cxr_jpg import MimicCxrJpgConfig
from synthjax.data.sources.nih14 import Nih14Config
from synthjax.data.sources.phantom_brain import PhantomBrainConfig
from synthjax.data.sources.phantom_chest import PhantomChestConfig
from synthjax.data.sources.rsna_ich import RsnaIchConfig
from synthjax.data.splits import check_fractions
from synthjax.data.store import shards


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """What the study's images are."""

    source: str = "phantom_chest"  # one of SOURCES; its own section below is read
    resolution: int = 64  # height and width, pixels; a power of two, 16 to 1024
    channels: int = 1  # 1 grey, 3 RGB
    fractions: tuple[float, ...] = (0.6, 0.1, 0.3)  # patients: train, valid, test
    cohort: str = ""  # the paper's: resolution, classes:K, samples:N; empty: all images
    modality: str = "chest"  # whose rules a cohort follows: chest or brain
    cohort_scale: float = 1.0  # times every count in a cohort's rules; 1: the paper's
    workers: int = 0  # processes that read or render images; 0 = all cores
    check: bool = False  # launch.data examines the source and builds nothing
    check_sample: int = 500  # images that the examination decodes; 0 = all
    export_as: str = ""  # a phantom goes through a hospital's files: chexpert, ...
    engine: str = "local"  # local: processes here; beam: Apache Beam (extra beam)
    beam_options: tuple[str, ...] = ()  # Beam's flags, such as --runner=FlinkRunner
    on_bad_file: str = "error"  # a faulty row or file: error, or skip and count it
    skip_limit: float = 0.01  # largest share of the images that may be skipped
    shard_mb: float = shards.SHARD_MB  # size of one file of the set, about, MB
    pixels: PixelsConfig = dataclasses.field(
        default_factory=PixelsConfig
    )  # aspect, depth, windows
    phantom_chest: PhantomChestConfig = dataclasses.field(
        default_factory=PhantomChestConfig
    )
    phantom_brain: PhantomBrainConfig = dataclasses.field(
        default_factory=PhantomBrainConfig
    )
    chexpert: ChexpertConfig = dataclasses.field(default_factory=ChexpertConfig)
    rsna_ich: RsnaIchConfig = dataclasses.field(default_factory=RsnaIchConfig)
    nih14: Nih14Config = dataclasses.field(default_factory=Nih14Config)
    mimic_cxr_jpg: MimicCxrJpgConfig = dataclasses.field(
        default_factory=MimicCxrJpgConfig
    )
    medmnist: MedmnistConfig = dataclasses.field(default_factory=MedmnistConfig)
    folder: FolderConfig = dataclasses.field(default_factory=FolderConfig)
    digits: DigitsConfig = dataclasses.field(default_factory=DigitsConfig)

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise ConfigError(
                f"source={self.source!r}: must be one of {', '.join(SOURCES)}"
            )
        if self.resolution not in RESOLUTIONS:
            nearest = min(RESOLUTIONS, key=lambda size: abs(size - self.resolution))
            raise ConfigError(
                f"resolution={self.resolution}: must be a power of two from "
                f"{RESOLUTIONS[0]} to {RESOLUTIONS[-1]}; the nearest is {nearest}"
            )
        if self.export_as and self.export_as not in LAYOUTS:
            raise ConfigError(
                f"export_as={self.export_as!r}: must be one of {', '.join(LAYOUTS)}"
            )
        if self.export_as and not self.source.startswith("phantom"):
            raise ConfigError(
                f"export_as={self.export_as!r}: source={self.source!r} is no phantom; "
                "launch.export exports a set that is built"
            )
        if self.channels not in (1, 3):
            raise ConfigError(f"channels={self.channels}: must be 1 (grey) or 3 (RGB)")
        if self.workers < 0:
            raise ConfigError(f"workers={self.workers}: must be 0 (all cores) or more")
        if self.engine not in ("local", "beam"):
            raise ConfigError(f"engine={self.engine!r}: must be local or beam")
        if self.check_sample < 0:
            raise ConfigError(
                f"check_sample={self.check_sample}: must be 0 (all images) or more"
            )
        if self.on_bad_file not in ("error", "skip"):
            raise ConfigError(
                f"on_bad_file={self.on_bad_file!r}: must be error or skip"
            )
        if not 0 <= self.skip_limit <= 1:
            raise ConfigError(f"skip_limit={self.skip_limit}: must be 0 to 1")
        if self.shard_mb <= 0:
            raise ConfigError(f"shard_mb={self.shard_mb}: must be more than 0")
        check_fractions(self.fractions)
        check_cohort(self.cohort, self.modality, self.cohort_scale)
        self.pixels.check(self.resolution, self.channels)


@dataclasses.dataclass(frozen=True)
class Source:
    """One way that data arrives."""

    list_images: Callable[[Any, Context], Listing]  # given its config section
    digest: Callable[[Any], str | None] = lambda config: None
    """Identifies the user's files that it reads; None if it reads none."""
    labels: Callable[[Any], tuple[str, ...]] = lambda config: ()
    """The names that every set of it has; empty if the files tell."""


SOURCES = {
    "phantom_chest": Source(phantom_chest.list_images, labels=lambda _: CHEST),
    "phantom_brain": Source(phantom_brain.list_images, labels=lambda _: BRAIN),
    "chexpert": Source(chexpert.list_images, chexpert.digest, lambda _: CHEST),
    "rsna_ich": Source(rsna_ich.list_images, rsna_ich.digest, lambda _: BRAIN),
    "nih14": Source(nih14.list_images, nih14.digest, nih14.label_names),
    "mimic_cxr_jpg": Source(
        mimic_cxr_jpg.list_images, mimic_cxr_jpg.digest, lambda _: CHEST
    ),
    "medmnist": Source(medmnist.list_images, medmnist.digest),
    "folder": Source(folder.list_images, folder.digest),
    "digits": Source(digits.list_images, labels=lambda _: digits.LABELS),
}


def source_digest(config: DataConfig) -> str | None:
    """Identifies the user's files that the set is made from.

    None if it is made from none (the seed says all), or if they are away.
    """
    return SOURCES[config.source].digest(getattr(config, config.source))


def known_labels(config: DataConfig) -> tuple[str, ...]:
    """The names of the labels that a set from this source has, without its files.

    Raises:
      StudyError: the files alone tell.
    """
    labels = SOURCES[config.source].labels(getattr(config, config.source))
    if not labels:
        raise StudyError(
            f"the labels of config.data.source={config.source} are known from its files "
            "alone: run launch.data first, which says how many there are"
        )
    return labels
