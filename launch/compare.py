r"""Compares a folder of real with a folder of synthetic images, down to the report.

    python -m launch.compare --real=DIR --synthetic=DIR --workdir=runs/compare

Each folder holds images and labels.csv (configs/compare.py says more, and is the config
unless --config names another). Without folders it measures the study of --config in
--workdir. With --thresholds=limits.toml the exit code is 3 if a number of
evaluate/results.json misses its limit (synthjax/evaluate/gates.py shows the file).
"""

import sys
from pathlib import Path

from absl import flags

from launch import pipeline
from launch.study import Launch, launch
from synthjax.core.clock import say
from synthjax.core.files import read_json
from synthjax.evaluate.gates import check_gates, format_gates, read_gates

_REAL = "--config.data.folder.path"
_SYNTHETIC = "--config.synth.folder.path"
_THRESHOLDS = flags.DEFINE_string("thresholds", "", "TOML file of limits.")


def run(this: Launch) -> None:
    """All stages, then the gates."""
    gates = read_gates(Path(_THRESHOLDS.value)) if _THRESHOLDS.value else []
    pipeline.run(this)
    if gates and this.devices.is_main:
        results = read_json(this.study.path("evaluate") / "results.json")
        checked = check_gates(gates, results)
        print(format_gates(checked))
        missed = [gate.name for gate in checked if not gate.kept]
        if missed:
            say(f"{len(missed)} of {len(gates)} limits missed")
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
        given.insert(1, "--config=configs/compare.py")
    return given + folders


if __name__ == "__main__":
    sys.argv = as_config_flags(sys.argv)
    launch(run)
