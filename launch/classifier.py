"""Trains the same classifier on the real and on the synthetic images.

python -m launch.classifier --config=configs/phantom_chest.py --workdir=runs/phantom
"""

from pathlib import Path

from synthjax.classifier.predict import PREDICTIONS
from synthjax.classifier.train import train

from .study import Launch, Work, launch


def work(this: Launch) -> Work:
    """Returns what the stage does."""
    return Work(
        "classifier",
        lambda out: train(
            this.sections["classifier"],
            seed=this.seed,
            out=out,
            devices=this.devices,
            **this.inputs("data", "synth"),
        ),
        everywhere=True,
        progress=_progress,
    )


def _progress(out: Path) -> str:
    done = len(list(out.glob(f"*/seed*/{PREDICTIONS}")))
    return f"classifier {done + 1}"


def run(this: Launch) -> None:
    """The classifier stage."""
    this.run(work(this))


def main() -> None:
    """The command."""
    launch(run)


if __name__ == "__main__":
    main()
