"""Builds the data set of a study: images, labels, patient-disjoint splits.

    python -m launch.data --config=configs/phantom_chest.py --workdir=runs/phantom

With --check it builds nothing, but validates the source and prints what it finds; the
exit code is 1 if a build would fail. With --tables it does so by the tables alone, before
the images are downloaded: labels, cohort and splits. With --export_as=chexpert (or
mimic_cxr_jpg, nih14, rsna_ich) it builds nothing either, but writes a phantom as a hospital
would have it, into <workdir>/prepared.
"""

import sys
from collections.abc import Sequence

from absl import flags

from synthjax.core.stages import PREPARED
from synthjax.data.builder import build, write_layout
from synthjax.data.doctor import validate
from synthjax.data.doctor.validation import SAMPLE
from synthjax.data.forget import forget
from synthjax.data.layouts.hospital import LAYOUTS
from synthjax.data.source_images import identify_source

from .study import Launch, Work, launch


def work(this: Launch, needs: Sequence[str] = ()) -> Work:
    """Returns what the stage does; `needs` is that of `build`."""
    config = this.sections["data"]
    prepared = this.study.workdir / PREPARED
    return Work(
        "data",
        lambda out: build(
            config, seed=this.seed, out=out, prepared=prepared, needs=needs
        ),
        source=lambda: identify_source(config, prepared),
    )


def run(this: Launch, needs: Sequence[str] = ()) -> None:
    """The data stage."""
    this.run(work(this, needs))


def check(this: Launch, sample: int, *, tables_alone: bool = False) -> None:
    """Validates the source, prints what is found, and exits: with 1 if it is fatal."""
    report = validate(
        this.sections["data"],
        seed=this.seed,
        prepared=this.study.workdir / PREPARED,
        sample=sample,
        tables_alone=tables_alone,
    )
    print(report.text())
    sys.exit(1 if report.fatal else 0)


def export_as(this: Launch, layout: str) -> None:
    """Writes the source as a hospital's files, and prints where."""
    prepared = this.study.workdir / PREPARED
    print(
        write_layout(this.sections["data"], layout, seed=this.seed, prepared=prepared)
    )


def forget_patient(this: Launch, patient: str) -> None:
    """Removes a patient from the study, and prints what has to be made anew."""
    print(forget(this.study.workdir, patient))


def main() -> None:
    """The command; its flags are not those of launch.pipeline, which runs the stage."""
    wanted = flags.DEFINE_bool(
        "check", False, "Validate the source and print what is wrong; build nothing."
    )
    sample = flags.DEFINE_integer(
        "check_sample",
        SAMPLE,
        "Images that --check decodes; 0 for all.",
        lower_bound=0,
    )
    tables = flags.DEFINE_bool(
        "tables",
        False,
        "Validate the tables alone and print labels, cohort and splits; the images need "
        "not be there. Build nothing.",
    )
    layout = flags.DEFINE_enum(
        "export_as",
        None,
        list(LAYOUTS),
        "Write a phantom as this hospital's files; build nothing.",
    )

    patient = flags.DEFINE_string(
        "forget",
        None,
        "Remove this patient, by the id in data/, from the set and from all that was "
        "made of it; build nothing.",
    )

    def act(this: Launch) -> None:
        if wanted.value or tables.value:
            check(this, sample.value, tables_alone=tables.value)
        elif patient.value:
            forget_patient(this, patient.value)
        elif layout.value:
            export_as(this, layout.value)
        else:
            run(this)

    launch(act)


if __name__ == "__main__":
    main()
