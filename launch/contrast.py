"""Which of two ways to make synthetic images trains the better classifier.

    python -m launch.contrast --first=runs/on0,runs/on1 --second=runs/off0,runs/off1

Pairs the studies in their order, each pair tested on the same real images, and prints
every gap, every paired difference and, of several pairs, the mean difference. The
studies need their stages data and classifier.
"""

from pathlib import Path

from absl import flags

from synthjax.core.errors import StudyError
from synthjax.evaluate.contrast import contrast, format_contrasts

from .command import command

_FIRST = flags.DEFINE_list("first", None, "Workdirs of studies, with commas between.")
_SECOND = flags.DEFINE_list("second", None, "As many, to compare with them in turn.")
_LEVEL = flags.DEFINE_float("level", 0.95, "Of the intervals.", 0.5, 0.999)
_REPLICATES = flags.DEFINE_integer("replicates", 2000, "Draws of patients.", 100)
flags.mark_flags_as_required(["first", "second"])


def run() -> None:
    """Contrasts the studies pair by pair, and prints the table."""
    if len(_FIRST.value) != len(_SECOND.value):
        raise StudyError(
            f"--first has {len(_FIRST.value)} and --second {len(_SECOND.value)} "
            "studies: they are compared in pairs"
        )
    pairs = [
        contrast(Path(first), Path(second), replicates=_REPLICATES.value)
        for first, second in zip(_FIRST.value, _SECOND.value, strict=True)
    ]
    print(format_contrasts(pairs, _LEVEL.value))


def main() -> None:
    """The command."""
    command(
        run,
        place=lambda: Path(_FIRST.value[0]),
        interrupted="interrupted; nothing was written",
    )


if __name__ == "__main__":
    main()
