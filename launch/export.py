"""Exports a finished set as files that other tools open.

python -m launch.export --set=runs/phantom_chest/synth --format=png --out=exported
"""

from pathlib import Path

from absl import flags

from synthjax.data.export.formats import FORMATS, export

from .command import command

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
_KEEP_IDS = flags.DEFINE_bool(
    "keep_ids",
    False,
    "Keep the ids of a real set, which hold the patients' pseudonyms; otherwise numbers "
    "take their place.",
)
flags.mark_flags_as_required(["set", "format", "out"])


def run() -> None:
    """Exports the set."""
    export(
        Path(_SET.value),
        Path(_OUT.value),
        _FORMAT.value,
        keep_ids=_KEEP_IDS.value,
    )


def main() -> None:
    """The command."""
    command(
        run,
        place=lambda: Path(_OUT.value),
        interrupted="interrupted; nothing was written",
        explains_os_errors=True,
    )


if __name__ == "__main__":
    main()
