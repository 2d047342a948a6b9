"""Builds the data set of a study: images, labels, patient-disjoint splits.

python -m launch.data --config=configs/phantom_chest.py --workdir=runs/phantom
"""

from launch.study import Launch, launch
from synthjax.data.builder import build


def run(this: Launch) -> None:
    """The data stage."""
    this.study.run(
        "data", lambda out: build(this.sections["data"], seed=this.seed, out=out)
    )


if __name__ == "__main__":
    launch(run)
