"""Where the time of a build went."""

from pathlib import Path

from synthjax.core.clock import duration, say
from synthjax.core.files import write_json
from synthjax.data.config import DataConfig
from synthjax.data.parallel import processes_for
from synthjax.data.store.example_builder import PHASES
from synthjax.data.store.shards import ShardManifest


def report_speed(
    config: DataConfig,
    out: Path,
    manifests: list[ShardManifest],
    spent: float,
    inline: int,
) -> None:
    """Says where the time of this run went, and keeps it in build.json.

    Shares are of all the time that the processes had: what is in none of the phases
    (starting, waiting, passing results on) is called other.
    """
    new = [manifest for manifest in manifests if manifest.seconds]
    images = sum(manifest.images for manifest in new)
    seconds = {phase: sum(part.seconds[phase] for part in new) for phase in PHASES}
    processes = 1
    if config.engine == "local":
        processes = processes_for(images, config.workers, inline)
    whole = max(processes * spent, sum(seconds.values()), 1e-9)
    seconds["other"] = whole - sum(seconds.values())
    shares = {phase: share / whole for phase, share in seconds.items()}
    write_json(
        out / "build.json",
        {"images": images, "seconds": spent, "processes": processes, "shares": shares},
    )
    parts = ", ".join(f"{phase} {share:.0%}" for phase, share in shares.items())
    say(
        f"{images} images in {duration(spent)}, {images / whole:.0f}/s per core "
        f"({processes}): {parts}"
    )
