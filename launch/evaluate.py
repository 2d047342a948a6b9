"""Measures the gap on real test patients, with its interval.

python -m launch.evaluate --config=configs/phantom_chest.py --workdir=runs/phantom
"""

from synthjax.evaluate.run import evaluate

from .study import Launch, launch


def run(this: Launch) -> None:
    """The evaluate stage."""
    this.study.run(
        "evaluate",
        lambda out: evaluate(
            this.sections["evaluate"],
            seed=this.seed,
            out=out,
            devices=this.devices,
            **this.inputs("data", "synth", "classifier"),
        ),
        everywhere=True,
    )


if __name__ == "__main__":
    launch(run)
