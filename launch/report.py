"""Writes the report, one self-contained page.

python -m launch.report --config=configs/phantom_chest.py --workdir=runs/phantom
"""

from synthjax.evaluate.gates import limits_digest
from synthjax.report.page import write_report

from .study import Launch, launch


def run(this: Launch) -> None:
    """The report stage."""
    this.study.run(
        "report",
        lambda out: write_report(
            this.sections["report"], study=this.study.workdir, out=out
        ),
        # Limits come after the evaluate stage is done, so no input of it tells of them.
        source=lambda: limits_digest(this.study.path("evaluate")),
    )


if __name__ == "__main__":
    launch(run)
