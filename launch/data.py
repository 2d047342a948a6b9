"""Builds the data set of a study: images, labels, patient-disjoint splits.

python -m launch.data --config=configs/phantom_chest.py --workdir=runs/phantom
"""

from launch.study import Launch, launch
from synthjax.data.builder import build, source_digest


def run(this: Launch) -> None:
    """The data stage."""
    config = this.sections["data"]
    this.study.run(
        "data",
        lambda out: build(config, seed=this.seed, out=out),
        source=lambda: source_digest(config),
    )


if __name__ == "__main__":
    launch(run)
