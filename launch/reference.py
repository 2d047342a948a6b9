"""Prints every key of the config with its type, default, range and meaning.

python -m launch.reference > docs/config.md
"""

from pathlib import Path

from absl import flags

from synthjax.core.config_reference import reference
from synthjax.core.files import write_atomic
from synthjax.sections import SECTIONS

from .command import command

_OUT = flags.DEFINE_string("out", "", "File to write; by default the page is printed.")
INTRODUCTION = """
# Every key of the config

A study is one config: a file such as `configs/phantom_chest.py`, changed by flags such as
`--config.gan.kimg=100`. This page lists its keys. It is generated from the declarations
in the code by `python -m launch.reference --out=docs/config.md`; a test holds it fresh.

A default called *preset* depends on the model and the resolution and is filled in from
the publications (`synthjax/gan/presets.py`); `None` asks for it. A key that *does not
change the result* may be changed without making a finished stage run again;
`--explain` says of each stage whether it would run, and why.
"""


def run() -> None:
    """Prints or writes the page."""
    page = reference(SECTIONS, INTRODUCTION)
    if _OUT.value:
        write_atomic(Path(_OUT.value), page.encode())
    else:
        print(page, end="")


def main() -> None:
    """The command."""
    command(
        run, place=lambda: Path(_OUT.value), interrupted="interrupted; nothing written"
    )


if __name__ == "__main__":
    main()
