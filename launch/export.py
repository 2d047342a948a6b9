"""Exports a finished set as files that other tools open.

python -m launch.export --set=runs/phantom_chest/synth --format=png --out=exported
"""

import sys
from pathlib import Path

from absl import app, flags, logging

from synthjax.core import signals
from synthjax.core.clock import say
from synthjax.core.errors import StudyError
from synthjax.data.export.formats import FORMATS, export

_SET = flags.DEFINE_string(
    "set", None, "Directory of a built set, such as runs/phantom_chest/synth."
)
_FORMAT = flags.DEFINE_enum(
    "format",
    None,
    list(FORMATS),
    "png: PNG and metadata.csv, a Hugging Face ImageFolder. npz: NumPy arrays. "
    "dicom: Secondary Capture marked synthetic, for synthetic sets only.",
)
_OUT = flags.DEFINE_string("out", None, "Folder to write; new or empty.")
flags.mark_flags_as_required(["set", "format", "out"])


def main(arguments: list[str]) -> int:
    """Exports, and prints what a user can mend as one line."""
    signals.install()
    logging.set_verbosity(logging.FATAL)  # TFDS logs each file it touches
    try:
        if len(arguments) > 1:
            raise StudyError(f"{arguments[1]!r} is not a flag; see --help")
        export(Path(_SET.value), Path(_OUT.value), _FORMAT.value)
    except KeyboardInterrupt:
        say("interrupted; nothing was written")
        return 130
    except StudyError as error:
        say(f"error: {error}")
        return 2
    except OSError as error:
        if error.filename is None and error.strerror is None:
            raise
        say(f"error: {error.filename or _OUT.value}: {error.strerror}")
        return 2
    return 0


if __name__ == "__main__":
    app.run(lambda arguments: sys.exit(main(arguments)))
