"""Builds the data set of a study: images, labels, patient-disjoint splits.

    python -m launch.data --config=configs/phantom_chest.py --workdir=runs/phantom

With --config.data.check=True it builds nothing, but examines the source and prints what
it finds; the exit code is 1 if a build would fail. With --config.data.export_as=chexpert
(or mimic_cxr_jpg, nih14, rsna_ich) a phantom is first written as a hospital would have
it, into <workdir>/prepared, and the set is built from those files.
"""

import sys

from synthjax.data.builder import build
from synthjax.data.config import source_digest
from synthjax.data.doctor import examine

from .study import Launch, Work, launch


def work(this: Launch) -> Work:
    """Returns what the stage does."""
    config = this.sections["data"]
    prepared = this.study.workdir / "prepared"
    return Work(
        "data",
        lambda out: build(config, seed=this.seed, out=out, prepared=prepared),
        source=lambda: source_digest(config),
    )


def run(this: Launch) -> None:
    """The data stage."""
    config = this.sections["data"]
    prepared = this.study.workdir / "prepared"
    if config.check:
        findings = examine(config, seed=this.seed, prepared=prepared)
        print(findings.table())
        sys.exit(1 if findings.fatal else 0)
    this.run(work(this))


def main() -> None:
    """The command."""
    launch(run)


if __name__ == "__main__":
    main()
