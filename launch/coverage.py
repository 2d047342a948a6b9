"""How often the gap's interval holds and a claim is wrong, by simulation.

    python -m launch.coverage --trials=2000

Simulates studies whose gap is the margin, with 50 to 1,800 patients of 1 to 40 images, 2
to 5 training seeds, a frequent and a rare finding, and prints a row for each kind: the
coverage (0.95 is asked), how often a claim of non-inferiority would be made that is
wrong (2.5 % are allowed), and the mean width against an interval of known variance.
"""

from pathlib import Path

from absl import flags

from synthjax.core.clock import say
from synthjax.statistics.coverage import CELLS, format_coverage, simulate

from .command import command

_TRIALS = flags.DEFINE_integer("trials", 2000, "Studies of each kind.", 10)
_SEED = flags.DEFINE_integer("simulation_seed", 0, "Of the draws.")
_MARKDOWN = flags.DEFINE_bool("markdown", False, "Print the table as Markdown.")


def run() -> None:
    """Simulates all kinds, and prints the table."""
    results = []
    for number, cell in enumerate(CELLS, 1):
        say(f"{number}/{len(CELLS)}: {cell}")
        results.append(simulate(cell, _TRIALS.value, _SEED.value))
    print(format_coverage(results, markdown=_MARKDOWN.value))


def main() -> None:
    """The command."""
    command(run, place=Path, interrupted="interrupted; nothing was written")


if __name__ == "__main__":
    main()
