"""Metrics are read beside what real images reach, known to the page or not."""

from synthjax.report.config import ReportConfig
from synthjax.report.figure_folder import FigureFolder
from synthjax.report.section import SectionInputs
from synthjax.report.sections.fidelity import fidelity, find_metric, reading
from synthjax.report.study_reader import StudyReader
from tests.toys.metric import METRIC as TOY


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


def test_metric_without_words_has_its_own_name(tmp_path):
    ends = {"value": 1.0, "low": 0.5, "high": 1.5}
    numbers = {"synthetic": ends, "floor": ends, "better": "low"}
    mine, toy = numbers | {"name": "my_distance"}, numbers | {"name": TOY.name}
    encoder = {"name": "pixels", "n_real": 9, "n_synthetic": 9, "metrics": [mine, toy]}
    label = {"name": "Edema", "n_real": 4, "n_synthetic": 4, "metrics": [mine]}
    results = {
        "fidelity": {
            "encoders": [encoder | {"labels": [label]}],
            "images": [{"name": "textures", "reason": "too small"}],
        }
    }
    study, figures = StudyReader(tmp_path), FigureFolder(tmp_path)
    inputs = SectionInputs(ReportConfig(), results, study, figures, {TOY.name: TOY})
    section = fidelity(inputs)
    (table,) = section["encoders"]
    assert [(row["name"], row["meaning"]) for row in table["rows"]] == [
        ("My distance", ""),
        (TOY.title, TOY.meaning),
    ]
    assert table["labels"]["metrics"] == ["My distance"]
    assert section["reasons"] == ["Textures: too small"]
    assert find_metric(inputs, "my_distance")["called"] == "My distance, pixels, N = 9"
    assert find_metric(inputs, "frechet") is None
