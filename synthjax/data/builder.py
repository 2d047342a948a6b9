"""The data stage: one source, resized, split by patient, audited, written as a set."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import synthjax
from synthjax.core.clock import say
from synthjax.core.config import plain
from synthjax.core.errors import ConfigError
from synthjax.data.parallel import worker_count
from synthjax.data.schema import Record, Schema
from synthjax.data.sources import digits, folder, phantom_chest
from synthjax.data.sources.folder import FolderConfig
from synthjax.data.sources.phantom_chest import PhantomChestConfig
from synthjax.data.splits import check_fractions, split_patients
from synthjax.data.write import open_spool, spool_records, write_rows

RESOLUTIONS = (16, 32, 64, 128, 256, 512, 1024)


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """What the study's images are."""

    source: str = "phantom_chest"  # phantom_chest, folder or digits
    resolution: int = 64  # height and width, pixels; a power of two, 16 to 1024
    channels: int = 1  # 1 grey, 3 RGB
    fractions: tuple[float, ...] = (0.6, 0.1, 0.3)  # patients: train, valid, test
    workers: int = 0  # threads or processes that make or read images; 0 = all cores
    phantom_chest: PhantomChestConfig = dataclasses.field(
        default_factory=PhantomChestConfig
    )  # read if that is the source
    folder: FolderConfig = dataclasses.field(
        default_factory=FolderConfig
    )  # read if that is the source

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
        if self.channels not in (1, 3):
            raise ConfigError(f"channels={self.channels}: must be 1 (grey) or 3 (RGB)")
        if self.workers < 0:
            raise ConfigError(f"workers={self.workers}: must be 0 (all cores) or more")
        check_fractions(self.fractions)


@dataclasses.dataclass(frozen=True)
class Opened:
    """A source ready to be read once."""

    schema: Schema
    records: Iterator[Record]
    total: int | None  # images, where it is known
    has_patients: bool  # False: each image counts as its own patient


def _open_phantom_chest(config: DataConfig, seed: int, out: Path) -> Opened:
    shape = {"resolution": config.resolution, "channels": config.channels}
    schema = phantom_chest.schema(config.phantom_chest, **shape)
    records = phantom_chest.records(
        config.phantom_chest, **shape, seed=seed, workers=worker_count(config.workers)
    )
    return Opened(schema, records, None, has_patients=True)


def _open_folder(config: DataConfig, seed: int, out: Path) -> Opened:
    listing = folder.read_listing(config.folder)
    records = folder.records(
        config.folder,
        listing,
        resolution=config.resolution,
        channels=config.channels,
        workers=config.workers,
    )
    schema = Schema(config.source, listing.labels, config.resolution, config.channels)
    return Opened(
        schema,
        records,
        len(listing.entries),
        has_patients=bool(config.folder.patient_column),
    )


def _open_digits(config: DataConfig, seed: int, out: Path) -> Opened:
    digits.write_folder(out / "source")
    own = FolderConfig(path=str(out / "source"))
    return _open_folder(dataclasses.replace(config, folder=own), seed, out)


SOURCES: dict[str, Callable[[DataConfig, int, Path], Opened]] = {
    "phantom_chest": _open_phantom_chest,
    "folder": _open_folder,
    "digits": _open_digits,
}


def source_digest(config: DataConfig) -> str | None:
    """Identifies the user's files that the set is made from.

    None if it is made from none (the seed says all), or if they are away.
    """
    return folder.digest(config.folder) if config.source == "folder" else None


def build(config: DataConfig, *, seed: int, out: Path) -> None:
    """Write the set of `config` to `out`; a killed build is simply done again.

    Files: dataset_info.json, features.json, metadata.json, array_record shards, and
    splits.json (seed, whether the source names patients, and per split counts,
    prevalences, label combinations, patients).

    Args:
        seed: of the source and of the splits.
        out: the stage's directory; an earlier set in it is replaced.

    Raises:
        StudyError: the source is faulty (each source says how), there are too few
            patients, or two splits share one.
    """
    opened = SOURCES[config.source](config, seed, out)
    with open_spool(out) as spool:
        rows = spool_records(
            opened.records, opened.schema, spool, desc="images", total=opened.total
        )
        splits = split_patients(
            [row.patient_id for row in rows], config.fractions, seed
        )
        settings = getattr(config, config.source, None)
        write_rows(
            out,
            opened.schema,
            spool,
            rows,
            splits,
            provenance={
                "source": config.source,
                "settings": plain(settings) if settings else {},
                "seed": seed,
                "version": synthjax.__version__,
            },
            split_facts={
                "seed": seed,
                "fractions": config.fractions,
                "patients_named": opened.has_patients,
            },
        )
    parts = ", ".join(f"{split} {len(numbers)}" for split, numbers in splits.items())
    say(f"{len(rows)} images of {config.resolution} px: {parts}")
