"""A model, a metric, a section and a source, each one file outside the package."""

import pytest
from toys.metric import METRIC
from toys.section import SECTION
from toys.source import LABELS

from synthjax.core.files import read_json

pytestmark = pytest.mark.slow


def test_the_tiny_study_runs_with_the_four_toys(tmp_path, pipeline):
    done = pipeline(tmp_path / "study", config="tests/toys/config.py")
    assert done.returncode == 0, done.stderr[-3000:]
    study = tmp_path / "study"
    assert read_json(study / "data" / "metadata.json")["labels"] == list(LABELS)
    assert read_json(study / "gan" / "config.json")["model"] == "toy"
    fidelity = read_json(study / "evaluate" / "results.json")["fidelity"]
    (encoder,) = fidelity["encoders"]
    assert METRIC.name in [entry["name"] for entry in encoder["metrics"]]
    page = (study / "report" / "report.html").read_text(encoding="utf-8")
    assert f'id="{SECTION.key}"' in page
    assert METRIC.title in page
    again = pipeline(study, config="tests/toys/config.py")
    assert again.stderr.count("done before, skipped") == 6
