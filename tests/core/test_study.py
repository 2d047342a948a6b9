"""The study map: what runs, what is skipped, what is moved aside, who is let in."""

import subprocess
import sys

import pytest

from synthjax.core.errors import StudyError
from synthjax.core.files import read_json, write_json
from synthjax.core.study import STAGES, Study


def config(**changes):
    sections = {name: {"size": 1} for name in STAGES} | {"seed": 0}
    sections["gan"] = {"kimg": 4, "size": 1, "benchmark": False}
    for key, value in changes.items():
        stage, _, name = key.partition("_")
        if name:
            sections[stage] = sections[stage] | {name: value}
        else:
            sections[stage] = value
    return sections


def run_all(workdir, settings):
    """Runs every stage; returns the names of those that had work."""
    worked = []

    def work(name):
        def make(path):
            worked.append(name)
            (path / "made.txt").write_text(name)

        return make

    study = Study(workdir, settings)
    for name in STAGES:
        study.run(name, work(name))
    return worked


def test_finished_stages_are_skipped(tmp_path, capsys):
    assert run_all(tmp_path, config()) == list(STAGES)
    assert run_all(tmp_path, config()) == []
    assert "report: done before, skipped" in capsys.readouterr().err


def test_changed_key_reruns_that_stage_and_those_after(tmp_path, capsys):
    run_all(tmp_path, config())
    assert run_all(tmp_path, config(synth_size=2)) == [
        "synth",
        "classifier",
        "evaluate",
        "report",
    ]
    said = capsys.readouterr().err
    assert "config.synth.size changed from 1 to 2" in said
    assert "its input synth/ changed" in said
    assert (tmp_path / "superseded" / "synth-1" / "made.txt").read_text() == "synth"


def test_a_changed_source_reruns_the_stage_and_a_missing_one_does_not(tmp_path, capsys):
    def run_data(source):
        worked = []
        study = Study(tmp_path, config())
        study.run("data", worked.append, source=lambda: source)
        return bool(worked)

    assert run_data("a") and not run_data("a") and not run_data(None)
    assert run_data("b")
    assert "data: the files it was made from changed" in capsys.readouterr().err


def test_seed_reaches_every_stage(tmp_path):
    run_all(tmp_path, config())
    assert run_all(tmp_path, config(seed=1)) == list(STAGES)


def test_more_kimg_goes_on_in_place_and_reruns_what_follows(tmp_path):
    run_all(tmp_path, config())
    (tmp_path / "gan" / "checkpoint").write_text("kept")
    assert run_all(tmp_path, config(gan_kimg=8))[:2] == ["gan", "synth"]
    assert (tmp_path / "gan" / "checkpoint").read_text() == "kept"
    assert run_all(tmp_path, config(gan_kimg=6))[0] == "gan", "fewer starts anew"
    assert not (tmp_path / "gan" / "checkpoint").exists()


def test_benchmark_switch_changes_nothing(tmp_path):
    run_all(tmp_path, config())
    assert run_all(tmp_path, config(gan_benchmark=True)) == []


def test_killed_stage_goes_on_where_it_was(tmp_path):
    study = Study(tmp_path, config())

    def killed(path):
        (path / "half").write_text("kept")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study.run("data", killed)
    with pytest.raises(StudyError, match=r"data is not finished: run .*launch.data"):
        study.run("gan", killed)
    study.run("data", lambda path: None)
    assert (tmp_path / "data" / "half").read_text() == "kept"
    assert read_json(tmp_path / "data" / "stage.json")["status"] == "done"


def test_missing_input_and_foreign_directory(tmp_path):
    study = Study(tmp_path, config())
    with pytest.raises(StudyError, match=r"data is missing: run .*launch.data"):
        study.run("gan", lambda path: None)
    write_json(tmp_path / "data" / "dataset_info.json", {})  # somebody else's
    study.run("data", lambda path: pytest.fail("a foreign directory is not touched"))
    study.run("gan", lambda path: None)
    inputs = read_json(tmp_path / "gan" / "stage.json")["inputs"]
    assert inputs == {"data": "made elsewhere"}


def test_second_process_is_kept_out(tmp_path):
    script = (
        "import sys; from synthjax.core.study import Study\n"
        "with Study(sys.argv[1], {}).locked(): pass"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with Study(tmp_path, config()).locked():
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "is in use by process" in done.stderr
    subprocess.run(command, check=True)


def test_unwritable_workdir(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    study = Study(blocker / "study", config())
    with pytest.raises(StudyError, match="choose another --workdir"), study.locked():
        pass
