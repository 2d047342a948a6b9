"""The sentence of the verdict says what the interval allows."""

from synthjax.report.sections.verdict import against_margin, headline


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


PRIMARY = {
    "endpoint": "mean AUROC gap",
    "margin": 0.05,
    "p_noninferior": 0.01,
    "noninferior": True,
}


def test_the_margin_is_kept_or_not():
    assert against_margin(PRIMARY)["figure"] == "Within the margin of 0.05"
    missed = PRIMARY | {"noninferior": False, "outcome": "not shown"}
    assert against_margin(missed)["figure"].startswith("Not shown to be within")


def test_without_a_verdict_the_page_says_why_and_claims_nothing():
    nothing = PRIMARY | {
        "noninferior": False,
        "outcome": "nothing learned",
        "conclusion": "Nothing was learned from the real images. Look at the labels.",
    }
    margin = against_margin(nothing)
    assert margin["figure"] == "No verdict: nothing learned."
    assert "Look at the labels." in margin["after"]
    assert "ithin" not in str(margin)
    gap = {"value": 0.0, "low": -0.1, "high": 0.1}
    options = {"level": 0.95, "images": 24, "patients": 24}
    assert headline(gap, no_claim=True, **options)["after"].endswith("24 patients).")
