r"""Compares a folder of real with a folder of synthetic images, down to the report.

    python -m launch.compare --real=DIR --synthetic=DIR --workdir=runs/compare

Each folder holds images and labels.csv (configs/compare.py says more, and is the config
unless --config names another). Without folders it measures the study of --config in
--workdir. With --thresholds=limits.toml the page shows the limits that the file sets
(synthjax/evaluate/gates.py shows one), and the exit code is 3 if a number of
evaluate/results.json misses its own.
"""

import sys
from pathlib import Path

from absl import flags

from synthjax.core.clock import say
from synthjax.core.files import read_json
from synthjax.evaluate.gates import check_gates, format_gates, read_gates, write_gates

from . import pipeline
from .study import Launch, launch

_REAL = "--config.data.folder.path"
_SYNTHETIC = "--config.synth.folder.path"
_THRESHOLDS = flags.DEFINE_string("thresholds", "", "TOML file of limits.")


def run(this: Launch) -> None:
    """All stages; the limits are checked before the report, which shows them."""
    gates = read_gates(Path(_THRESHOLDS.value)) if _THRESHOLDS.value else []
    pipeline.measure(this)
    if this.devices.is_main:
        folder = this.study.path("evaluate")
        gates = check_gates(gates, read_json(folder / "results.json"))
        write_gates(folder, gates)
    this.devices.barrier("limits")  # the report asks every process for their digest
    pipeline.show(this)
    if gates and this.devices.is_main:
        print(format_gates(gates))
        missed = sum(not gate.kept for gate in gates)
        if missed:
            say(f"{missed} of {len(gates)} limits missed")
            sys.exit(3)


def as_config_flags(arguments: list[str]) -> list[str]:
    """The two folders as what they set in the config, which is found without a flag."""
    short = {"real": _REAL, "synthetic": _SYNTHETIC}
    given, folders = [], []
    words = iter(arguments)
    for word in words:
        name, equals, value = word.lstrip("-").partition("=")
        if word.startswith("-") and name in short:
            value = value if equals else next(words, "")
            folders.append(f"{short[name]}={value}")
        else:
            given.append(word)
    if not any(word.lstrip("-").partition("=")[0] == "config" for word in given):
        given.insert(1, "--config=compare")
    return given + folders


def main() -> None:
    """The command."""
    sys.argv = as_config_flags(sys.argv)
    launch(run)


if __name__ == "__main__":
    main()
