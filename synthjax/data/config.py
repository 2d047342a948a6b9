"""The data stage's config: one section for the set, one for each source."""

import dataclasses
import hashlib
from typing import Any, ClassVar, TypeVar

from synthjax.core.config import Config, field, plain
from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.cohorts import check_cohort
from synthjax.data.images.pixels import RESOLUTIONS, PixelsConfig
from synthjax.data.sources.registry import SOURCES
from synthjax.data.splits import check_fractions
from synthjax.data.store.plan import SHARD_MB

T = TypeVar("T", bound=type)


def _with_source_sections(cls: T) -> T:
    """Declares a section for each source in the table, named like the source."""
    cls.SECTIONS = tuple(SOURCES)  # type: ignore[attr-defined]
    for name, source in SOURCES.items():
        cls.__annotations__[name] = source.config
        setattr(cls, name, field(source.config, f"read if data.source={name}"))
    return cls


@dataclasses.dataclass(frozen=True)
@_with_source_sections
class DataConfig(Config):
    """What the study's images are; further fields are the sections of the sources."""

    SECTIONS: ClassVar[tuple[str, ...]]  # the sources that have a section here
    REMOVED: ClassVar = {
        "check": "use the flag --check of launch.data",
        "check_sample": "use the flag --check_sample of launch.data",
        "export_as": "set config.data.phantom_chest.layout (or phantom_brain.layout); "
        "to write a phantom's files and build nothing, use the flag --export_as of "
        "launch.data",
    }

    source: str = field(
        "phantom_chest",
        "where the images come from; the section of this name is read",
        one_of=lambda: SOURCES,
    )
    resolution: int = field(64, "height and width of the images, pixels")
    channels: int = field(1, "1 grey, 3 RGB", one_of=(1, 3))
    fractions: tuple[float, ...] = field(
        (0.6, 0.1, 0.3), "share of the patients in train, valid and test"
    )
    cohort: str = field(
        "", "the paper's: resolution, classes:K, samples:N; empty: all images"
    )
    modality: str = field(
        "chest",
        "the paper's rules that a cohort follows",
        one_of=("chest", "brain"),
    )
    cohort_scale: float = field(
        1.0, "times every count in a cohort's rules; 1: the paper's"
    )
    workers: int = field(
        0,
        "processes that read or render images; 0: one for each core",
        ge=0,
        affects_result=False,
    )
    engine: str = field(
        "local",
        "local: processes on this machine; beam: Apache Beam (extra beam)",
        one_of=("local", "beam"),
        affects_result=False,
    )
    beam_options: tuple[str, ...] = field(
        (),
        "Beam's own flags, such as --runner=FlinkRunner",
        is_place=True,
        affects_result=False,
    )
    on_bad_file: str = field(
        "error",
        "what a faulty row or file does: error stops the build, skip leaves its image "
        "out and counts it",
        one_of=("error", "skip"),
        affects_result=False,
    )
    skip_limit: float = field(
        0.01,
        "largest share of the images that may be skipped",
        ge=0,
        le=1,
        affects_result=False,
    )
    check_images: str = field(
        "sample",
        "which source images a build keeps digests of, so that later runs notice that "
        "one was replaced: sample (256 of them) or all",
        one_of=("sample", "all"),
        affects_result=False,
    )
    shard_mb: float = field(
        SHARD_MB, "size of one file of the set, about, megabytes", gt=0
    )
    pixels: PixelsConfig = field(  # noqa: RUF009
        PixelsConfig, "how values become pixels"
    )

    def check(self) -> None:
        """Raises ConfigError for values that do not go together."""
        if self.resolution not in RESOLUTIONS:
            nearest = min(RESOLUTIONS, key=lambda size: abs(size - self.resolution))
            raise ConfigError(
                f"resolution={self.resolution}: must be a power of two from "
                f"{RESOLUTIONS[0]} to {RESOLUTIONS[-1]}; the nearest is {nearest}"
            )
        check_fractions(self.fractions)
        check_cohort(self.cohort, self.modality, self.cohort_scale)
        self.pixels.check_set(self.resolution, self.channels)

    def unselected(self) -> tuple[str, ...]:
        """Returns the sources whose sections are not read."""
        return tuple(
            name for name in self.SECTIONS if name not in (self.source, self.layout)
        )

    @classmethod
    def upgraded(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Returns values of the last release under today's keys.

        `export_as` was a key of this section; it is the layout of the phantom now.
        """
        layout = values.get("export_as")
        if layout is None:
            return values
        source = values.get("source", "phantom_chest")
        values = {key: value for key, value in values.items() if key != "export_as"}
        if not layout:
            return values
        return values | {source: {**values.get(source, {}), "layout": layout}}

    def section(self, source: str) -> Any:
        """Returns the settings of a source: its section's, or its entry's."""
        if source in self.SECTIONS:
            return getattr(self, source)
        return SOURCES[source].defaults

    @property
    def layout(self) -> str:
        """Returns the hospital's layout that the images go through, empty for none."""
        return SOURCES[self.source].layout(self.section(self.source))


def with_source(config: DataConfig, source: str, settings: Config) -> DataConfig:
    """Returns the config with all images of another source, with these settings."""
    changes: dict[str, Any] = {source: settings}
    return dataclasses.replace(config, source=source, cohort="", **changes)


def folders_read(config: DataConfig) -> dict[str, str]:
    """Returns the user's folder or file that the source reads, by its key."""
    path = getattr(config.section(config.source), "path", "")
    return {f"config.data.{config.source}.path": path} if path else {}


def source_digest(config: DataConfig) -> str | None:
    """Identifies the user's files that the set is made from.

    None if it is made from none (the seed says all), or if they are away. The settings
    of a source from outside count as well, for no section holds them.
    """
    settings = config.section(config.source)
    digest = SOURCES[config.source].digest(settings)
    if config.source in config.SECTIONS:
        return digest
    return hashlib.sha256(f"{plain(settings)} {digest}".encode()).hexdigest()[:16]


def known_labels(config: DataConfig) -> tuple[str, ...]:
    """Returns the labels that a set from this source has, without its files.

    Raises:
      StudyError: the files alone say which.
    """
    labels = SOURCES[config.source].labels(config.section(config.source))
    if not labels:
        raise StudyError(
            f"the labels of config.data.source={config.source} are known from its "
            "files alone: run launch.data first, which says how many there are"
        )
    return labels
