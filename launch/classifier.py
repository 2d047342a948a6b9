"""Trains the same classifier on the real and on the synthetic images.

python -m launch.classifier --config=configs/phantom_chest.py --workdir=runs/phantom
"""

from synthjax.classifier.train import train_arms

from .study import Launch, launch


def run(this: Launch) -> None:
    """The classifier stage."""
    this.study.run(
        "classifier",
        lambda out: train_arms(
            this.sections["classifier"],
            seed=this.seed,
            out=out,
            devices=this.devices,
            **this.inputs("data", "synth"),
        ),
        everywhere=True,
    )


if __name__ == "__main__":
    launch(run)
