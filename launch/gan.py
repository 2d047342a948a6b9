"""Trains the generator on the training split.

    python -m launch.gan --config=configs/phantom_chest.py --workdir=runs/phantom

With --describe it only prints the sizes of both networks, as one line of JSON, and
needs no data.
"""

from pathlib import Path

from absl import flags

from synthjax.core.checkpoint import read_newest_meta
from synthjax.data.config import known_labels
from synthjax.gan.generator import CHECKPOINTS
from synthjax.gan.monitor.describe import describe
from synthjax.gan.train import train

from .study import Launch, Work, launch


def work(this: Launch) -> Work:
    """Returns what the stage does."""

    def make(out: Path) -> None:
        train(
            this.sections["gan"],
            seed=this.seed,
            out=out,
            devices=this.devices,
            **this.inputs("data"),
        )

    return Work("gan", make, everywhere=True, progress=_progress)


def _progress(out: Path) -> str:
    meta = read_newest_meta(out / CHECKPOINTS)
    return f"{meta['kimg']:.1f} kimg" if meta else "0 kimg"


def run(this: Launch) -> None:
    """The gan stage."""
    this.run(work(this))


def _describe(this: Launch) -> None:
    data = this.sections["data"]
    shape = {"resolution": data.resolution, "channels": data.channels}
    labels = len(known_labels(data))
    print(describe(this.sections["gan"], **shape, labels=labels))


def main() -> None:
    """The command."""
    # Defined here, so that the commands that import this file do not take it.
    describes = flags.DEFINE_bool(
        "describe", False, "Print the sizes of both networks, and do nothing else."
    )
    launch(lambda this: _describe(this) if describes.value else run(this))


if __name__ == "__main__":
    main()
