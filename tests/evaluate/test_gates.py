"""Limits on results: found by name, kept or missed, and faults of the file told."""

import pytest

from synthjax.core.errors import StudyError
from synthjax.core.files import read_json
from synthjax.evaluate.gates import (
    GATES,
    check_gates,
    format_gates,
    limits_digest,
    read_gates,
    write_gates,
)

RESULTS = {
    "n": 10,
    "labels": [{"name": "Edema", "gap": {"value": 0.2, "low": None}}],
    "fidelity": {"FD[own, 64d, N=1.000]": {"value": -1.5}},
    "flag": True,
}


def gates(tmp_path, text):
    path = tmp_path / "limits.toml"
    path.write_text(text)
    return read_gates(path)


@pytest.mark.parametrize(
    ("limit", "kept", "told"),
    [
        (
            '"n" = { min = 10, max = 10 }',
            True,
            "n = 10 (at least 10, at most 10): kept",
        ),
        ('"n" = { max = 9.5 }', False, "MISSED: above 9.5"),
        ('"labels.Edema.gap.value" = { max = 0.2 }', True, "kept"),
        ('"labels.Edema.gap.low" = { max = 0.2 }', False, "MISSED: undefined"),
        ('"labels.Oedema.gap.low" = { max = 0.2 }', False, "not in the results"),
        ('"fidelity.FD[own, 64d, N=1.000].value" = { max = 0 }', True, "-1.5"),
        ('"flag" = { max = 2 }', False, "bool, not a number"),
        ('"labels" = { max = 2 }', False, "list, not a number"),
    ],
)
def test_a_limit(tmp_path, limit, kept, told):
    (gate,) = check_gates(gates(tmp_path, f"[limits]\n{limit}\n"), RESULTS)
    assert gate.kept == kept
    assert told in format_gates([gate])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "one table"),
        ("[limits]\n", "one table"),
        ('[limits]\n"n" = 3\n', "'n' = 3"),
        ('[limits]\n"n" = { most = 3 }\n', "'n'"),
        ('[limits]\n"n" = { max = "3" }\n', "'n'"),
        ('[limits]\n"n" = { max = nan }\n', "finite"),  # nothing would exceed it
        ('[limits]\n"n" = { min = -inf }\n', "finite"),
        ("[limits\n", "not valid TOML"),
        ("[limits]\na = " + 10_000 * "[", "not valid TOML"),
        ("[limits]\na = {max=" + 5_000 * "9" + "}", "not valid TOML"),
        ("[limits]\na = {max=" + 4_000 * "9" + "}", "finite"),
        ('[limits]\n"n" = { max = 3 }\n[other]\n', "one table"),
    ],
)
def test_a_faulty_file_is_told(tmp_path, text, told):
    with pytest.raises(StudyError, match=told):
        gates(tmp_path, text)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(StudyError, match="limits.toml"):
        read_gates(tmp_path / "limits.toml")


def test_what_was_found_is_kept_beside_the_results_until_a_run_without(tmp_path):
    limits = gates(tmp_path, '[limits]\n"n" = { max = 9.5 }\n"m" = { min = 1 }\n')
    checked = check_gates(limits, RESULTS)
    before = limits_digest(tmp_path)
    write_gates(tmp_path, checked)
    empty = {"minimum": None, "maximum": None, "value": None}
    assert read_json(tmp_path / GATES) == {
        "gates": [
            {"name": "n", **empty, "maximum": 9.5, "value": 10, "reason": "above 9.5"},
            {"name": "m", **empty, "minimum": 1, "reason": "not in the results"},
        ]
    }
    first = limits_digest(tmp_path)
    write_gates(tmp_path, check_gates(limits[1:], RESULTS))
    assert len({before, first, limits_digest(tmp_path)}) == 3
    write_gates(tmp_path, [])
    assert not (tmp_path / GATES).exists() and limits_digest(tmp_path) == before
