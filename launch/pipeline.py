"""A whole study: all stages in order, finished ones skipped.

    python -m launch.pipeline --config=configs/phantom_chest.py --workdir=runs/phantom

It ends with the verdict and the path of the report. Run it again after a stop of any
kind, or after a change of the config: it does what is left to do.
"""

from pathlib import Path

from synthjax.core.files import read_json
from synthjax.data.splits import require_measurable
from synthjax.data.store.write import SPLITS_FILE
from synthjax.synth.external import check_folders

from . import classifier, data, evaluate, gan, report, synth
from .study import Launch, launch


def run(this: Launch) -> None:
    """All stages."""
    measure(this)
    show(this)


def measure(this: Launch) -> None:
    """All stages but the report.

    What the data decide is told before anything is trained: a folder that cannot do, or
    splits with which no gap can be measured.
    """
    external = bool(this.sections["synth"].folder.path)
    if external:
        _check_folders(this)
    learning = ["train"]
    if this.sections["classifier"].schedule == "plateau":
        learning.append("valid")  # says when to stop
    data.run(this, needs=[*learning, "test"])
    # Again, for a set that was there before, or lost images that could not be used.
    require_measurable(this.study.path("data") / SPLITS_FILE, [*learning, "test"])
    if not external:
        gan.run(this)
    synth.run(this)
    require_measurable(this.study.path("synth") / SPLITS_FILE, learning)
    classifier.run(this)
    evaluate.run(this)


def _check_folders(this: Launch) -> None:
    config, like = this.sections["synth"], this.sections["data"]
    paths = [Path(part.folder.path).expanduser() for part in (config, like)]
    if this.study.finished("synth") and not all(path.is_dir() for path in paths):
        return  # what was made of them is all that is needed
    check_folders(config, like)


def show(this: Launch) -> None:
    """The report, and where it is."""
    report.run(this)
    if this.devices.is_main:
        print(read_json(this.study.path("evaluate") / "results.json")["verdict"])
        print(f"report: {this.study.path('report') / 'report.html'}")


def main() -> None:
    """The command."""
    launch(run)


if __name__ == "__main__":
    main()
