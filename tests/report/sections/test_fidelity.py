"""Metrics are read beside what real images reach, known to the page or not."""

from types import SimpleNamespace

from synthjax.report.sections.fidelity import fidelity, find_metric, reading


def test_metrics_are_read_beside_their_baseline():
    def read(low, high, better, baseline=(1.0, 2.0)):
        ends = {"value": (low + high) / 2, "low": low, "high": high}
        real = {"value": 1.5, "low": baseline[0], "high": baseline[1]}
        return reading({"synthetic": ends, "floor": real, "better": better})

    assert read(2.1, 3, "low") == "worse than real"
    assert read(2.1, 3, "high") == "beyond real"
    assert read(0.1, 0.9, "high") == "worse than real"
    assert read(0.1, 1.0, "low") == "like real"
    assert read(2.1, 3, "low", baseline=(None, None)) == "\u2013"


def test_metric_that_the_page_does_not_know_has_its_own_name():
    ends = {"value": 1.0, "low": 0.5, "high": 1.5}
    numbers = {"synthetic": ends, "floor": ends, "better": "low"}
    mine = numbers | {"name": "my_distance"}
    titled = mine | {"name": "other", "title": "Other distance", "meaning": "of mine"}
    encoder = {
        "name": "pixels",
        "n_real": 9,
        "n_synthetic": 9,
        "metrics": [mine, titled],
    }
    label = {"name": "Edema", "n_real": 4, "n_synthetic": 4, "metrics": [mine]}
    results = {
        "fidelity": {
            "encoders": [encoder | {"labels": [label]}],
            "images": [{"name": "textures", "reason": "too small"}],
        }
    }
    section = fidelity(SimpleNamespace(results=results))
    (table,) = section["encoders"]
    assert [(row["name"], row["meaning"]) for row in table["rows"]] == [
        ("My distance", ""),
        ("Other distance", "of mine"),
    ]
    assert table["labels"]["metrics"] == ["My distance"]
    assert section["reasons"] == ["Textures: too small"]
    assert find_metric(results, "my_distance")["called"] == "My distance, pixels, N = 9"
    assert find_metric(results, "frechet") is None
