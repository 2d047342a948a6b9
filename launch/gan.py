"""Trains the generator on the training split.

    python -m launch.gan --config=configs/phantom_chest.py --workdir=runs/phantom

With --config.gan.describe=True it only prints the sizes of both networks, as one line
of JSON, and needs no data.
"""

from synthjax.data.config import known_labels
from synthjax.encoders import EncoderConfig, make_encoder
from synthjax.gan.monitor.describe import describe
from synthjax.gan.train import train

from .study import Launch, launch


def run(this: Launch) -> None:
    """The gan stage."""
    config, data = this.sections["gan"], this.sections["data"]
    if config.describe:
        shape = {"resolution": data.resolution, "channels": data.channels}
        print(describe(config, **shape, labels=len(known_labels(data))))
        return
    encoder = None
    if config.early_stop.encoder:
        encoder = make_encoder(
            EncoderConfig(
                name=config.early_stop.encoder, path=config.early_stop.encoder_path
            ),
            data.resolution,
            data.channels,
        )
    this.study.run(
        "gan",
        lambda out: train(
            config,
            seed=this.seed,
            out=out,
            devices=this.devices,
            encoder=encoder,
            **this.inputs("data"),
        ),
        everywhere=True,
    )


if __name__ == "__main__":
    launch(run)
