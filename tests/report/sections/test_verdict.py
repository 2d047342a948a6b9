"""The sentence of the verdict says what the interval allows."""

from synthjax.report.sections.verdict import headline


def sentence(value, low, high):
    gap = {"value": value, "low": low, "high": high}
    parts = headline(gap, level=0.9, images=1000, patients=50)
    return (parts["before"] + parts["figure"] + parts["after"]).replace("\u202f", " ")


def test_loss_and_gain_are_called_by_name():
    assert "loses 0.050 mean AUROC" in sentence(0.05, 0.02, 0.08)
    assert "(90 % interval 0.020 to 0.080; n = 1,000" in sentence(0.05, 0.02, 0.08)
    assert "gains 0.050 mean AUROC" in sentence(-0.05, -0.08, -0.02)
    assert "interval 0.020 to 0.080" in sentence(-0.05, -0.08, -0.02)


def test_zero_in_the_interval_is_neither():
    assert "shows a gap of \u22120.010" in sentence(-0.01, -0.03, 0.02)
    assert "loses" not in sentence(0.01, 0.0, 0.02)
