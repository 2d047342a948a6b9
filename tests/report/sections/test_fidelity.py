"""Metrics are read beside what real images reach, known to the page or not."""

from synthjax.report.sections.fidelity import reading


def test_fidelity_is_read_against_its_floor():
    def read(low, high, better, floor=(1.0, 2.0)):
        ends = {"value": (low + high) / 2, "low": low, "high": high}
        real = {"value": 1.5, "low": floor[0], "high": floor[1]}
        return reading({"synthetic": ends, "floor": real, "better": better})

    assert read(2.1, 3, "low") == "worse than real"
    assert read(2.1, 3, "high") == "beyond real"
    assert read(0.1, 0.9, "high") == "worse than real"
    assert read(0.1, 1.0, "low") == "like real"
    assert read(2.1, 3, "low", floor=(None, None)) == "\u2013"
