"""The synth section of a study's config."""

from dataclasses import dataclass

from synthjax.core.config import MAX_SEED, Config, field
from synthjax.core.errors import ConfigError
from synthjax.data.sources.folder import FolderConfig
from synthjax.synth.labels import LABEL_SOURCES, STREAMS


@dataclass(frozen=True)
class SynthConfig(Config):
    """Which synthetic images are drawn, or the folder that they are taken from."""

    folder: FolderConfig = field(  # noqa: RUF009
        FolderConfig, "with a path: external synthetic images; no generator is trained"
    )
    count: int = field(0, "images of each split; 0 is one for each real row", ge=0)
    copies_per_row: int = field(
        1,
        "training images of each requested label row, with other latents each",
        ge=1,
        renamed_from="volumes",
    )
    label_source: str = field(
        "rows",
        "rows: the labels of the real rows, shuffled; sampled: of rows drawn at random",
        one_of=LABEL_SOURCES,
    )
    splits: tuple[str, ...] = field(
        tuple(STREAMS), "splits that get synthetic images", one_of=STREAMS
    )
    batch_size: int = field(32, "images per device and step", ge=1)
    psi: float = field(
        1.0, "truncation; 1 is none, smaller is less varied", ge=0.0, le=2.0
    )
    seed: int = field(
        0,
        "added to the study's seed: another draw from the same generator",
        ge=0,
        le=MAX_SEED,
    )
    step: int = field(0, "checkpoint to draw from; 0 is the best or the newest", ge=0)
    chunk: int = field(
        1024,
        "images saved at a time; a run that was stopped goes on after the last of them",
        ge=1,
        affects_result=False,
    )

    def check(self) -> None:
        """Raises ConfigError if no split is chosen."""
        if not self.splits:
            raise ConfigError(
                f"splits={self.splits}: must name at least one of {', '.join(STREAMS)}"
            )
