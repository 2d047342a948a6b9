"""Trains the generator on the training split.

    python -m launch.gan --config=configs/phantom_chest.py --workdir=runs/phantom

With --config.gan.benchmark=True it only times the training step of this config.
"""

from launch.study import Launch, launch
from synthjax.gan.benchmark import benchmark
from synthjax.gan.train import train

FINDINGS = 14  # labels of the images that a benchmark makes up: CheXpert's


def run(this: Launch) -> None:
    """The gan stage."""
    config = this.sections["gan"]
    if config.benchmark:
        data = this.sections["data"]
        benchmark(
            config,
            resolution=data.resolution,
            channels=data.channels,
            labels=FINDINGS,
            devices=this.devices,
        )
        return
    this.study.run(
        "gan",
        lambda out: train(
            config,
            seed=this.seed,
            out=out,
            devices=this.devices,
            **this.inputs("data"),
        ),
        everywhere=True,
    )


if __name__ == "__main__":
    launch(run)
