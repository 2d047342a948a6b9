"""Writes the report, one self-contained page.

python -m launch.report --config=configs/phantom_chest.py --workdir=runs/phantom
"""

from synthjax.evaluate.gates import limits_digest
from synthjax.metrics.registry import IMAGE_METRICS, METRICS
from synthjax.report.page import write_report

from .study import Launch, Work, launch


def work(this: Launch) -> Work:
    """Returns what the stage does."""
    return Work(
        "report",
        lambda out: write_report(
            this.sections["report"],
            study=this.study.workdir,
            out=out,
            metrics={**METRICS, **IMAGE_METRICS},
        ),
        # Limits come after the evaluate stage is done, so no input of it tells of them.
        source=lambda: limits_digest(this.study.path("evaluate")),
    )


def run(this: Launch) -> None:
    """The report stage."""
    this.run(work(this))


def main() -> None:
    """The command."""
    launch(run)


if __name__ == "__main__":
    main()
