"""The study map: what runs, what is skipped, what is moved aside, who is let in."""

import dataclasses
import re
import shutil
import subprocess
import sys

import pytest

from synthjax.core.config import Config, field
from synthjax.core.errors import StudyError
from synthjax.core.files import read_json, write_json
from synthjax.core.study import STAGES, Study


@dataclasses.dataclass(frozen=True)
class Section(Config):
    """What every stage of this study has."""

    size: int = field(1, "what is made")
    kimg: float = field(4.0, "how long")
    keep: int = field(2, "how much is kept", affects_result=False)


@dataclasses.dataclass(frozen=True)
class Larger(Section):
    """The section of a later release."""

    color: str = field("grey", "a field that came later")


def config(cls=Section, **changes):
    """Sections of all stages; `gan_kimg=8` changes a key of one."""
    sections = {name: cls() for name in STAGES}
    for key, value in changes.items():
        stage, _, name = key.partition("_")
        sections[stage] = dataclasses.replace(sections[stage], **{name: value})
    return sections


def run_all(workdir, sections, seed=0):
    """Runs every stage; returns the names of those that had work."""
    worked = []

    def work(name):
        def make(path):
            worked.append(name)
            (path / "made.txt").write_text(name)

        return make

    study = Study(workdir, sections, seed=seed)
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
    assert "config.synth.size was 1 and is 2" in said
    assert "its input synth/ changed" in said
    assert (tmp_path / "superseded" / "synth-1" / "made.txt").read_text() == "synth"
    assert said.count(" kB of earlier runs; delete it when") == 4


def test_a_changed_source_reruns_the_stage_and_a_missing_one_does_not(tmp_path, capsys):
    def run_data(source):
        worked = []
        study = Study(tmp_path, config())
        study.run("data", worked.append, source=lambda: source)
        return bool(worked)

    assert run_data("a") and not run_data("a") and not run_data(None)
    assert run_data("b")
    assert (
        "data: the content of the files that it was made from changed"
        in capsys.readouterr().err
    )


def test_a_source_that_changed_after_the_build_is_made_again_once(tmp_path):
    def run_data(source):
        worked = []
        Study(tmp_path, config()).run("data", worked.append, source=lambda: source)
        return bool(worked)

    assert run_data("table") and run_data("table changed:1")
    assert not run_data("table"), "the digests were taken anew by that build"
    assert run_data("table changed:2") and run_data("other")


def test_seed_reaches_every_stage(tmp_path):
    run_all(tmp_path, config())
    assert run_all(tmp_path, config(), seed=1) == list(STAGES)


def test_more_kimg_goes_on_in_place_and_reruns_what_follows(tmp_path):
    run_all(tmp_path, config())
    (tmp_path / "gan" / "checkpoint").write_text("kept")
    assert run_all(tmp_path, config(gan_kimg=8))[:2] == ["gan", "synth"]
    assert (tmp_path / "gan" / "checkpoint").read_text() == "kept"
    assert run_all(tmp_path, config(gan_kimg=6))[0] == "gan", "fewer starts anew"
    assert not (tmp_path / "gan" / "checkpoint").exists()


def test_what_does_not_affect_the_result_changes_nothing(tmp_path):
    run_all(tmp_path, config())
    assert run_all(tmp_path, config(gan_keep=3)) == []


def test_a_field_that_a_later_release_adds_changes_nothing(tmp_path):
    run_all(tmp_path, config())
    assert run_all(tmp_path, config(Larger)) == []
    worked = run_all(tmp_path, config(Larger, gan_color="red"))
    assert worked == ["gan", "synth", "classifier", "evaluate", "report"]
    shutil.rmtree(tmp_path / "data")
    assert run_all(tmp_path, config(Larger, gan_color="red")) == ["data"], (
        "made anew by the later release it is the same input"
    )


def test_a_preset_that_changed_in_the_code_is_noticed(tmp_path, capsys):
    def fill(size):
        def resolve(sections):
            gan = sections["gan"]
            return {**sections, "gan": dataclasses.replace(gan, size=gan.size or size)}

        return resolve

    def run(resolve):
        sections = resolve(config(gan_size=0))
        study = Study(tmp_path, sections, resolve=resolve)
        for name in ("data", "gan"):
            study.run(name, lambda path: None)

    run(fill(7))
    run(fill(7))
    assert capsys.readouterr().err.count("gan: done before") == 1
    run(fill(9))
    assert "config.gan.size was 7 and is 9" in capsys.readouterr().err


def test_plans_say_what_would_run_and_why_and_do_nothing(tmp_path):
    sources = dict.fromkeys(STAGES, lambda: None)

    def sentences(**changes):
        study = Study(tmp_path, config(**changes))
        return [plan.sentence("8 kimg") for plan in study.plans(sources)]

    assert sentences()[:2] == [
        "data: runs, because nothing is there yet",
        "gan: runs, because data/ will be made first",
    ]
    assert not list(tmp_path.iterdir())
    run_all(tmp_path, config())
    assert sentences() == [f"{name}: done" for name in STAGES]
    assert sentences(gan_keep=9) == [f"{name}: done" for name in STAGES]
    assert sentences(gan_kimg=8.0)[1:3] == [
        "gan: goes on at 8 kimg, because config.gan.kimg was 4.0 and is 8.0",
        "synth: runs anew, because gan/ will be made first",
    ]
    assert sentences(synth_size=5)[1:4] == [
        "gan: done",
        "synth: runs anew, because config.synth.size was 1 and is 5",
        "classifier: runs anew, because synth/ will be made first",
    ]
    assert run_all(tmp_path, config()) == [], "nothing was touched"


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
    assert re.fullmatch("made elsewhere: [0-9a-f]{32}", inputs["data"])


def test_what_killed_writers_left_among_prepared_files_is_removed(tmp_path):
    prepared = tmp_path / "prepared"
    (prepared / "synth").mkdir(parents=True)
    left = [prepared / ".a.json.0f1e.tmp", prepared / "synth" / ".b.npz.77.tmp"]
    for path in (*left, prepared / "a.json"):
        path.write_text("{}")
    with Study(tmp_path, config()).locked():
        assert not any(path.exists() for path in left)
    assert (prepared / "a.json").exists()


@pytest.mark.slow
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
