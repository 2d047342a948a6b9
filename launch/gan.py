"""Trains the generator on the training split.

    python -m launch.gan --config=configs/phantom_chest.py --workdir=runs/phantom

With --config.gan.describe=True it only prints the sizes of both networks, as one line
of JSON, and needs no data.
"""

from pathlib import Path

from synthjax.core.checkpoint import read_newest_meta
from synthjax.data.config import known_labels
from synthjax.encoders import EncoderConfig, make_encoder
from synthjax.gan.generator import CHECKPOINTS
from synthjax.gan.monitor.describe import describe
from synthjax.gan.train import train

from .study import Launch, Work, launch


def work(this: Launch) -> Work:
    """Returns what the stage does."""

    def make(out: Path) -> None:
        config, data = this.sections["gan"], this.sections["data"]
        encoder = None
        if config.early_stop.encoder:
            encoder = make_encoder(
                EncoderConfig(
                    name=config.early_stop.encoder, path=config.early_stop.encoder_path
                ),
                data.resolution,
                data.channels,
            )
        train(
            config,
            seed=this.seed,
            out=out,
            devices=this.devices,
            encoder=encoder,
            **this.inputs("data"),
        )

    return Work("gan", make, everywhere=True, progress=_progress)


def _progress(out: Path) -> str:
    meta = read_newest_meta(out / CHECKPOINTS)
    return f"{meta['kimg']:.1f} kimg" if meta else "0 kimg"


def run(this: Launch) -> None:
    """The gan stage."""
    config, data = this.sections["gan"], this.sections["data"]
    if config.describe:
        shape = {"resolution": data.resolution, "channels": data.channels}
        print(describe(config, **shape, labels=len(known_labels(data))))
        return
    this.run(work(this))


def main() -> None:
    """The command."""
    launch(run)


if __name__ == "__main__":
    main()
