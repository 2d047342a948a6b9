"""A whole study: all stages in order, finished ones skipped.

    python -m launch.pipeline --config=configs/phantom_chest.py --workdir=runs/phantom

It ends with the verdict and the path of the report. Run it again after a stop of any
kind, or after a change of the config: it does what is left to do.
"""

from launch import classifier, data, evaluate, gan, report, synth
from launch.study import Launch, launch
from synthjax.core.files import read_json


def run(this: Launch) -> None:
    """All stages."""
    for stage in (data, gan, synth, classifier, evaluate, report):
        if stage is gan and this.sections["synth"].folder.path:
            continue  # somebody else's generator made the images
        stage.run(this)
    if this.devices.is_main:
        print(read_json(this.study.path("evaluate") / "results.json")["verdict"])
        print(f"report: {this.study.path('report') / 'report.html'}")


if __name__ == "__main__":
    launch(run)
