"""Measures the gap on real test patients, with its interval.

python -m launch.evaluate --config=configs/phantom_chest.py --workdir=runs/phantom
"""

from synthjax.evaluate.run import evaluate

from .study import Launch, Work, launch


def work(this: Launch) -> Work:
    """Returns what the stage does."""
    return Work(
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


def run(this: Launch) -> None:
    """The evaluate stage."""
    this.run(work(this))


def main() -> None:
    """The command."""
    launch(run)


if __name__ == "__main__":
    main()
