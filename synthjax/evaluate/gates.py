"""Limits that the numbers of results.json have to keep, from a file chosen before.

    [limits]
    "utility.mean.gap.high" = { max = 0.05 }
    "utility.labels.Edema.gap.value" = { max = 0.1 }
    "n_test_patients" = { min = 200 }

A name is the way to a number through results.json, with dots; of the entries of a list,
the one whose `name` it is.
"""

import dataclasses
import hashlib
import sys
import tomllib
from pathlib import Path
from typing import Any

from synthjax.core.errors import StudyError
from synthjax.core.files import open_regular, write_json
from synthjax.core.foreign import foreign
from synthjax.statistics.noninferiority import CHANCE, Outcome

GATES = "gates.json"  # beside results.json: the limits, and what was found
_LARGEST = 1_000_000  # bytes of a file of limits
_GAPS = {"gap", "gap_to_real", "p_noninferior"}  # keys of results.json
_NO_AUROC = {"average_precision", "sensitivity", "brier"}
_NO_CLAIM: dict[str, str] = {
    Outcome.NOTHING_LEARNED: "nothing was learned from the real images",
    Outcome.TOO_FEW_PATIENTS: "too few patients",
    Outcome.TOO_FEW_SEEDS: "one training seed in each arm",
}
_ABSENT = object()  # what a name leads to that is not in the results


@dataclasses.dataclass(frozen=True)
class Gate:
    """One limit, and what was found."""

    name: str  # the way to the number
    minimum: float | None
    maximum: float | None
    value: float | None = None  # None: there is no such number
    reason: str = ""  # why it is missed; empty where it is kept

    @property
    def kept(self) -> bool:
        """Return whether the number is there and within the limit."""
        return not self.reason


def read_gates(path: Path) -> list[Gate]:
    """Read the limits of a TOML file; no value is looked up yet.

    Raises:
      StudyError: there is no such file, or a line does not set a limit.
    """
    try:
        with open_regular(path, most=_LARGEST) as file:
            content = file.read()
    except OSError as error:
        raise StudyError(f"{path}: {error.strerror}; give a file of limits") from None
    with foreign(path, "is not valid TOML", "correct it"):
        table = tomllib.loads(content.decode())
    limits = table.get("limits")
    if not isinstance(limits, dict) or not limits or len(table) > 1:
        raise StudyError(f"{path}: must have one table, [limits], with some in it")
    return [_gate(path, name, limit) for name, limit in limits.items()]


def _gate(path: Path, name: str, limit: Any) -> Gate:
    good = isinstance(limit, dict) and limit and set(limit) <= {"min", "max"}
    if not good or not all(map(_is_finite, limit.values())):
        raise StudyError(
            f"{path}: {name!r} = {limit!r}: must be finite numbers under min, max or both, such "
            f'as "{name}" = {{ max = 0.05 }} (with quotes, if the name has dots)'
        )
    return Gate(name, limit.get("min"), limit.get("max"))


def _is_finite(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and abs(value) <= sys.float_info.max  # an int may be larger


def check_gates(gates: list[Gate], results: dict[str, Any]) -> list[Gate]:
    """Return the gates with what was found.

    A missing number misses its limit. So does a gap, however small, of which nothing can
    be said: of a study that allows no conclusion, or of a finding or subgroup that the
    classifiers trained on real images are not shown to tell from chance.
    """
    return [
        _check(gate, _find(results, gate.name), _says_nothing(results, gate.name))
        for gate in gates
    ]


def _says_nothing(results: dict[str, Any], name: str) -> str:
    """Say why a number that is a gap, or tests one, says nothing; empty if it does."""
    words = name.split(".")
    if not {*words} & _GAPS:
        return ""
    outcome = str((results.get("primary") or {}).get("outcome"))
    if outcome in _NO_CLAIM:
        return f"nothing can be said of a gap: {_NO_CLAIM[outcome]}"
    for end in range(1, len(words)):
        row = _find(results, ".".join(words[:end]))
        real = row.get("real") if isinstance(row, dict) else None
        # An average precision or a sensitivity has another chance level.
        if not isinstance(real, dict) or words[end - 1] in _NO_AUROC:
            continue
        if "low" in real and not (real["low"] or 0.0) > CHANCE:
            return (
                "nothing can be said of this gap: the classifiers trained on real images "
                "are not shown to be better than chance"
            )
    return ""


def _check(gate: Gate, found: Any, says_nothing: str) -> Gate:
    if not _is_finite(found):
        what = "undefined" if found is None else f"{type(found).__name__}, not a number"
        if found is _ABSENT:
            what = "not in the results"
        return dataclasses.replace(gate, reason=what)
    reason = ""
    if gate.maximum is not None and found > gate.maximum:
        reason = f"above {gate.maximum:g}"
    if gate.minimum is not None and found < gate.minimum:
        reason = f"below {gate.minimum:g}"
    reason = says_nothing or reason
    return dataclasses.replace(gate, value=float(found), reason=reason)


def _find(tree: Any, name: str) -> Any:
    """Return what the dotted name leads to; a key may have dots itself."""
    if not name:
        return tree
    if isinstance(tree, list):
        tree = {str(item.get("name")): item for item in tree if isinstance(item, dict)}
    if not isinstance(tree, dict):
        return _ABSENT
    for key in sorted(tree, key=len, reverse=True):
        if name == key or name.startswith(f"{key}."):
            found = _find(tree[key], name[len(key) + 1 :])
            if found is not _ABSENT:
                return found
    return _ABSENT


def write_gates(folder: Path, gates: list[Gate]) -> None:
    """Write the checked gates beside the results, for the report.

    Without any, those of an earlier run are removed: the page shows the limits of the
    run that wrote it.
    """
    if gates:
        rows = [dataclasses.asdict(gate) for gate in gates]
        write_json(folder / GATES, {"gates": rows})
    else:
        (folder / GATES).unlink(missing_ok=True)


def limits_digest(folder: Path) -> str:
    """Identify what `write_gates` left in the folder, for the stage that shows it."""
    path = folder / GATES
    if not path.exists():
        return "no limits"
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def format_gates(gates: list[Gate]) -> str:
    """Return a line for each gate."""
    lines = []
    for gate in gates:
        value = "-" if gate.value is None else f"{gate.value:.4g}"
        ends = [("at least", gate.minimum), ("at most", gate.maximum)]
        limit = ", ".join(f"{word} {end:g}" for word, end in ends if end is not None)
        outcome = "kept" if gate.kept else f"MISSED: {gate.reason}"
        lines.append(f"{gate.name} = {value} ({limit}): {outcome}")
    return "\n".join(lines)
