"""A study is read as a notebook or a sweep would, whole or in parts."""

from synthjax.report.study_reader import StudyReader, series


def test_whole_study_is_read(full_study):
    study = StudyReader(str(full_study))
    assert study.source() == "phantom_chest"
    assert study.results()["n_test_patients"] == 1203
    assert list(study.stages()) == ["data", "gan", "synth", "classifier", "evaluate"]
    assert study.data_card()["patients_named"]
    assert study.provenance()["generator"]["kimg"] == 200.0
    assert [gate["reason"] for gate in study.gates()] == ["", "above 0.05"]
    logs = study.classifier_logs()
    assert {arm: len(seeds) for arm, seeds in logs.items()} == {
        "real": 3,
        "synthetic": 3,
    }
    assert study.missing == ()


def test_sample_grids_are_spread_evenly_with_both_ends(full_study):
    def kimg(count):
        return [int(path.stem) for path in StudyReader(full_study).sample_grids(count)]

    assert kimg(9) == [0, 20, 60, 120, 160, 200]
    assert kimg(3) == [0, 60, 200]
    assert kimg(2) == [0, 200]
    assert kimg(1) == [200]


def test_what_is_absent_is_noted_once_in_the_order_of_the_stages(tmp_path):
    study = StudyReader(tmp_path)
    assert study.provenance() is None
    assert study.data_card() is None
    assert study.log("gan") == []
    assert study.json("notes.json") is None
    assert study.data_card() is None
    assert study.gates() == []
    assert study.source() is None
    assert study.missing == (
        "data/splits.json",
        "gan/metrics.jsonl",
        "synth/provenance.json",
        "notes.json",
    )


def test_series_leaves_out_what_is_not_finite_and_a_torn_line(tmp_path):
    (tmp_path / "gan").mkdir()
    path = tmp_path / "gan" / "metrics.jsonl"
    path.write_text('{"kimg": 1, "loss": 2.5}\n{"kimg": 2, "loss": null}\n{"kimg')
    lines = StudyReader(tmp_path).log("gan")
    assert series(lines, "kimg", "loss") == ([1], [2.5])
    assert series(lines, "kimg", "r1") == ([], [])
