"""Draws the synthetic twin of the data set, or takes a folder made elsewhere.

python -m launch.synth --config=configs/phantom_chest.py --workdir=runs/phantom
"""

from synthjax.synth.external import identify_external, read_external
from synthjax.synth.write import write_twin

from .study import Launch, Work, launch


def work(this: Launch) -> Work:
    """Returns what the stage does."""
    config = this.sections["synth"]
    if config.folder.path:
        return Work(
            "synth",
            lambda out: read_external(
                config,
                this.sections["data"],
                seed=this.seed,
                out=out,
                **this.inputs("data"),
            ),
            source=lambda: identify_external(
                config, this.sections["data"], this.study.path("synth")
            ),
        )
    return Work(
        "synth",
        lambda out: write_twin(
            config,
            seed=this.seed,
            out=out,
            devices=this.devices,
            **this.inputs("data", "gan"),
        ),
        everywhere=True,
    )


def run(this: Launch) -> None:
    """The synth stage."""
    this.run(work(this))


def main() -> None:
    """The command."""
    launch(run)


if __name__ == "__main__":
    main()
