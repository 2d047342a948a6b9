"""The seam of a data source: what an origin of images declares of itself.

To add a source to the package:

1. Write `sources/<name>.py` with a config (a `Config` whose fields are declared by
   `field`), a function `list_images(config, context) -> Listing`, and at its end
   `SOURCE = Source(...)`.
2. Add its line to `SOURCES` in `registry.py`. `config.data.<name>` is then its section,
   and `config.data.source=<name>` selects it.
3. Write its test.

A source from outside the package is added when the program runs:

    SOURCES["toy"] = Source(ToyConfig(images=40), list_images)

`config.data.source=toy` selects it; a config file may do both. It has no section in a
study's config: its settings are those of its entry, an instance as here, or the defaults
of a class. Its `Listing.read` goes to other processes, so it must be of a module that
they can import, unless `config.data.workers` is 1.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from synthjax.core.config import Config
from synthjax.data.listing import Context, Listing

C = TypeVar("C", bound=Config)


def _none(config: Config) -> None:
    return None


def _no_labels(config: Config) -> tuple[str, ...]:
    return ()


def _no_layout(config: Config) -> str:
    return ""


def _no_index(config: Config, prepared: Path) -> None:
    return None


@dataclasses.dataclass(frozen=True)
class Source(Generic[C]):
    """One origin of images; every function is given its config section."""

    config: type[C] | C
    """The class of its config section; of a source from outside, also an instance."""
    list_images: Callable[[C, Context], Listing]
    """Lists all images, with the patient of each; no pixel is read or rendered.

    The same config, seed and files list the same images. Faulty rows and files go to
    `context.problems`, which are settled before it returns. Raises StudyError where the
    source is missing or cannot be understood, saying what is wrong, where, and what to
    do.
    """
    digest: Callable[[C], str | None] = _none
    """Identifies the user's files that it reads, in a moment, at every launch.

    None if it reads none, or if they are away, so that no change can be known.
    """
    labels: Callable[[C], tuple[str, ...]] = _no_labels
    """The labels that every set of it has; empty if its files alone say which."""
    layout: Callable[[C], str] = _no_layout
    """The hospital's layout (of `layouts.hospital.LAYOUTS`) that it goes through.

    Its images are written as that hospital's files, and listed by the source of that
    name, with the settings of that source's section. Empty: they are used directly.
    """
    header_index: Callable[[C, Path], Path | None] = _no_index
    """Where `list_images` keeps the DICOM headers that it read (see `header_index`).

    Given `context.prepared` as well. None if it reads no headers.
    """
    has_tables: bool = False
    """Whether its tables say all of a listing, so that it can do without the images."""

    @property
    def defaults(self) -> C:
        """Returns the entry's config: its instance, or the defaults of its class."""
        return self.config() if isinstance(self.config, type) else self.config
