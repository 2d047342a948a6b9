"""The table of stages: what each reads, makes and hands on."""

import dataclasses

SUPERSEDED = "superseded"  # folder of a workdir: earlier runs, moved aside
# Folder of a workdir with what is kept of the user's files; it must not be handed on.
PREPARED = "prepared"
_CHECKPOINT = ("ema/**/*", "meta/**/*", "digest/**/*")  # of a step, what others load
_SET = (  # of a built set of images
    "dataset_info.json",
    "features.json",
    "metadata.json",
    "splits.json",
    "*.array_record*",
)


@dataclasses.dataclass(frozen=True)
class Stage:
    """One arrow of the flow."""

    name: str
    reads: tuple[str, ...]  # stages whose directories it reads
    makes: str  # pattern of the file without which its directory is not what it makes
    hands_on: tuple[str, ...]  # patterns of the files that other stages read
    grows: tuple[str, ...] = ()  # keys that may grow without starting anew
    joins: tuple[str, ...] = ()  # sections of the config that come with such growth
    mends: bool = False  # whether its work goes on from what is left of its files


STAGES = {
    stage.name: stage
    for stage in (
        Stage("data", (), makes="dataset_info.json", hands_on=_SET),
        Stage(
            "gan",
            ("data",),
            makes="checkpoints/*/ema",
            hands_on=tuple(
                f"{folder}/*/{part}"
                for folder in ("checkpoints", "best")
                for part in _CHECKPOINT
            ),
            grows=("kimg",),
            mends=True,
        ),
        Stage(
            "synth",
            ("data", "gan"),
            makes="dataset_info.json",
            hands_on=(*_SET, "provenance.json"),
        ),
        Stage(
            "classifier",
            ("data", "synth"),
            makes="*/seed*/predictions.npz",
            grows=("arms",),
            joins=("teacher",),
            hands_on=(
                "soft_labels.npz",
                "chosen.json",
                "*/seed*/config.json",
                "*/seed*/predictions*.npz",
                *(f"*/seed*/checkpoints/*/{part}" for part in _CHECKPOINT),
            ),
            mends=True,
        ),
        Stage(
            "evaluate",
            ("data", "synth", "classifier"),
            makes="results.json",
            hands_on=("results.json", *(f"*/*.{end}" for end in ("json", "png"))),
        ),
        Stage(
            "report",
            ("data", "gan", "synth", "classifier", "evaluate"),
            makes="report.html",
            hands_on=("report.html", "numbers.csv"),
        ),
    )
}
