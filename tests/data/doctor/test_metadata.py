"""Odd ids, patients and exams, beside those that test_validation plants."""

from builders.scans import faults
from synthjax.data.doctor import validate


def test_odd_ages_and_sexes_are_told(tree, tmp_path):
    """They are unknown, and stop nothing."""
    tree.rows[8]["sex"] = "x"
    tree.rows[12]["age"] = "old"
    report = validate(tree.config(), seed=0, prepared=tmp_path)
    assert not faults(report)
    told = dict(report.facts)["source"]
    assert "odd ages, unknown: 1" in told and "odd sexes, unknown: 1" in told
