"""Draws the synthetic twin of the data set from the trained generator.

python -m launch.synth --config=configs/phantom_chest.py --workdir=runs/phantom
"""

from launch.study import Launch, launch
from synthjax.synth.write import write_twin


def run(this: Launch) -> None:
    """The synth stage."""
    this.study.run(
        "synth",
        lambda out: write_twin(
            this.sections["synth"],
            seed=this.seed,
            out=out,
            devices=this.devices,
            **this.inputs("data", "gan"),
        ),
        everywhere=True,
    )


if __name__ == "__main__":
    launch(run)
