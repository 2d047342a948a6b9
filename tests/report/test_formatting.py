"""Numbers as they are written."""

from synthjax.report.formatting import interval, p_value, plain, signed, with_interval


def test_signs():
    assert signed(-0.0123) == "\u22120.012"
    assert signed(-0.0001) == "0.000"
    assert signed(None) == "\u2013"
    assert interval({"low": None, "high": None}) == "\u2013"


def test_numbers_of_any_size_are_plain():
    assert [plain(x) for x in (0.0, 3.2149, 1234.5, -0.000214)] == [
        "0",
        "3.21",
        "1,234",
        "\u22120.000214",
    ]
    assert plain(-1e-9) == "0.000000"
    assert plain(None) == "\u2013"
    assert p_value(0.0004) == "<\u202f0.001"
    assert p_value(0.05) == "0.050"
    assert with_interval(None) == {"value": "\u2013", "interval": "\u2013"}
