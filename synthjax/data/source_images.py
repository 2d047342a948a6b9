"""Whether the images that a set was made from are still the same, by their content.

Tables and times do not tell: an image may be replaced under its name, size and time. So
the digests of some images, or of all on request, are kept when a set is built, and held
against the files at each launch. They stay in the folder `prepared`, with the names of
the files, which are nobody else's business.
"""

import dataclasses
import hashlib
import random
from pathlib import Path

from synthjax.core.clock import say
from synthjax.core.files import open_regular, read_json_if_whole, write_json
from synthjax.data.config import DataConfig, source_digest
from synthjax.data.listing import Listing

SAMPLE = 256  # images that are read at each launch, unless all are
_FILE = "source_images.json"


@dataclasses.dataclass(frozen=True)
class Found:
    """What became of the images whose digests were kept."""

    read: int  # images that are there still
    changed: list[str]  # file and digest of those that are others, or gone


def record_images(listing: Listing, config: DataConfig, prepared: Path) -> None:
    """Keeps the digests of the images that a set is made from.

    Args:
        listing: of the source; one that reads no files has none.
        config: says whether all are read, or a sample.
        prepared: the folder to keep them in.
    """
    target = prepared / _FILE
    target.unlink(missing_ok=True)
    if listing.root is None or config.layout:  # no files of the user's
        return
    names = sorted({str(name) for name in listing.metadata.origin})
    if config.check_images == "sample" and len(names) > SAMPLE:
        names = sorted(random.Random(len(names)).sample(names, SAMPLE))
    digests = {name: _digest(listing.root / name) for name in names}
    kept = {name: digest for name, digest in digests.items() if digest}
    content = {
        "root": str(listing.root.absolute()),
        "images": len(listing.metadata),
        "digests": kept,
    }
    write_json(target, content)


def recorded_root(prepared: Path) -> str | None:
    """Returns the folder whose images `record_images` read; None if none was."""
    kept = read_json_if_whole(prepared / _FILE, keys=("root",))
    return kept["root"] if kept else None


def identify_source(config: DataConfig, prepared: Path) -> str | None:
    """Identifies the user's files, by their tables and by the images' content.

    Says how many images were read for it.

    Args:
        config: of the set.
        prepared: where `record_images` kept the digests.

    Returns:
        What `source_digest` says; more than that if an image is not what it was when
        the set was built. None if there are no files, or if they are away.
    """
    digest = source_digest(config)
    kept = read_json_if_whole(prepared / _FILE, keys=("root", "images", "digests"))
    if digest is None or kept is None:
        return digest
    found = _look(Path(kept["root"]), kept["digests"])
    if not found.read:  # all are away, so no change can be known
        return digest
    say(f"data: {found.read:,} of {kept['images']:,} source images were read again")
    if not found.changed:
        return digest
    first = found.changed[0].partition("\0")[0]
    say(f"data: {len(found.changed):,} of them changed, such as {first}")
    joined = hashlib.sha256("\n".join(found.changed).encode()).hexdigest()
    return f"{digest} changed:{joined[:16]}"


def _look(root: Path, digests: dict[str, str]) -> Found:
    now = {name: _digest(root / name) for name in digests}
    changed = [f"{name}\0{now[name]}" for name in digests if now[name] != digests[name]]
    return Found(sum(map(bool, now.values())), changed)


def _digest(path: Path) -> str:
    """Returns the digest of a file's bytes; empty if it is away."""
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:32]
    except (OSError, ValueError):
        return ""
