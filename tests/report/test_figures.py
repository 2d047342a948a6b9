"""Figures are text, deterministic, and draw the numbers that they are given."""

from xml.etree import ElementTree

import numpy as np
import pytest

from synthjax.report import figures

GAPS = [
    {"name": "a & b", "gap": {"value": 0.2, "low": 0.1, "high": 0.3}},
    {"name": "c", "gap": {"value": -0.1, "low": -0.2, "high": 0.05}},
]
MEAN = {"value": 0.05, "low": 0.0, "high": 0.1}


@pytest.mark.slow
def test_svg_is_valid_and_the_same_twice():
    first, second = (figures.svg(figures.forest(GAPS, MEAN)) for _ in range(2))
    assert first == second
    texts = [e.text for e in ElementTree.fromstring(first).iter() if e.text]
    assert {"a & b", "c", "Mean"} <= set(texts)
    assert b"system-ui" in first
    assert b"DejaVu Sans', 'Bitstream" not in first
    none = {"value": 0.0, "low": None, "high": None}
    assert figures.svg(figures.forest([], none))


@pytest.mark.parametrize(
    "name",
    [
        *("Cost $5 & $6", "$\\frac{1}$", "$\\bad$", "stent $A$", "a$b", "<b>", "x_1^2"),
        *("50 % \\alpha", "_hidden", "\u80ba\u708e"),
    ],
)
def test_every_name_is_drawn_as_it_is_written(name):
    rows = [{"name": name, "gap": MEAN}]
    pixels = np.zeros((4, 8), np.uint8)
    for figure in (figures.forest(rows), figures.sheet(pixels, [name, "b"], name)):
        tags = ElementTree.fromstring(figures.svg(figure)).iter()
        assert name in [text for tag in tags for text in tag.itertext()]


def test_control_characters_of_a_name_leave_the_figure_whole():
    rows = [{"name": "a\x0bb\x00c\ud800\ufffed\ne", "gap": MEAN}]
    tags = ElementTree.fromstring(figures.svg(figures.forest(rows))).iter()
    assert "a b\ufffdc\ufffd\ufffdd e" in [tag.text for tag in tags]


def test_forest_draws_every_interval():
    axes = figures.forest(GAPS, MEAN).axes[0]
    drawn = [tuple(line.get_xdata()) for line in axes.lines]
    for gap in (MEAN, GAPS[0]["gap"], GAPS[1]["gap"]):
        assert (gap["low"], gap["high"]) in drawn


def test_hollow_is_what_may_be_chance():
    rows = [dict(GAPS[0], significant=True), dict(GAPS[1], significant=False)]
    axes = figures.forest(rows, MEAN, margin=0.05).axes[0]
    dots = [line for line in axes.lines if line.get_marker() in ("o", "D")]
    faces = [dot.get_markerfacecolor() for dot in dots]
    assert faces == [figures.INK, figures.INK, "white"]
    assert 0.05 in [line.get_xdata()[0] for line in axes.lines]
    other = [{"name": "a", "mean": MEAN, "colour": figures.REAL}]
    axes = figures.forest(other, field="mean", reference=0.5).axes[0]
    assert axes.lines[0].get_color() == figures.REAL
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a"]


def test_diagrams_leave_out_what_is_not_there():
    curve = {"confidence": [0.1, 0.5, None], "observed": [0.2, None, None]}
    line = figures.reliability("mixed", curve).axes[0].lines[1]
    assert list(line.get_xdata()) == [0.1]
    assert line.get_color() == figures.MUTED
    sets = {"synthetic": [(0.5, 2.0), (0.01, 1.0)], "real": [(0.01, None), (1, 3.0)]}
    synthetic, real = figures.distances(sets).axes[0].lines
    assert list(synthetic.get_xdata()) == [1.0, 2.0]
    assert list(real.get_ydata()) == [100]
    panel = figures.precision_recall([0, 1], [1, 0.4], [1, 0.2], 0.1).axes[0]
    assert list(panel.lines[0].get_ydata()) == [0.1, 0.1]


def test_arms_have_their_colours():
    lines = figures.roc([0, 0.5, 1], [0, 0.9, 1], [0, 0.8, 1]).axes[0].lines
    assert [line.get_color() for line in lines[1:]] == [figures.REAL, figures.SYNTHETIC]
    assert list(lines[2].get_ydata()) == [0, 0.8, 1]
    validation = figures.validation_curves({"synthetic": [([1, 2], [0.5, 0.6])]})
    assert validation.axes[0].lines[0].get_color() == figures.SYNTHETIC


def test_sheet_puts_captions_under_columns():
    axes = figures.sheet(np.zeros((9, 29, 1), np.uint8), ["x", "y", "z"]).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["x", "y", "z"]
    assert np.allclose(np.diff(axes.get_xticks()), 29 / 3)
