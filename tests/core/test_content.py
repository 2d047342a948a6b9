"""The identity of what a stage hands on is its content, whoever wrote it."""

import os
import shutil

import pytest
from core.test_study import config

from synthjax.core.errors import StudyError
from synthjax.core.files import read_json, write_json
from synthjax.core.study import STAGES, Study

SHARD = "image_set-train.array_record-00000-of-00001"
# What a stage's work would write, so that its directory is what the stage makes.
PRODUCTS = {
    "data": ("dataset_info.json", SHARD),
    "gan": ("checkpoints/8/ema/weights", "checkpoints/8/meta/metadata"),
    "synth": ("dataset_info.json", SHARD, "provenance.json"),
    "classifier": ("real/seed0/predictions.npz", "real/seed0/config.json"),
    "evaluate": ("results.json", "grids/real.png"),
    "report": ("report.html",),
}


def make(path, what="first"):
    """Writes what a stage makes; files that are there are kept, as by a resumed one."""
    for name in PRODUCTS[path.name]:
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            file.write_text(what)


def run(workdir, *names):
    """Runs stages; returns those that had work."""
    study, worked = Study(workdir, config()), []
    for name in names or STAGES:
        study.run(name, lambda path: (worked.append(path.name), make(path)))
    return worked


@pytest.fixture
def whole(tmp_path):
    assert run(tmp_path) == list(STAGES)
    assert run(tmp_path) == []
    return tmp_path


EVERY_FILE = [(name, file) for name in STAGES for file in PRODUCTS[name]]


@pytest.mark.parametrize(("name", "file"), EVERY_FILE)
def test_a_file_that_is_another_is_named_and_made_again(whole, name, file, capsys):
    path = whole / name / file
    path.write_text("of another study")
    for reader in (other for other in STAGES if name in STAGES[other].reads):
        with pytest.raises(StudyError, match=rf"{name}/{file} is not what {name}/ was"):
            run(whole, reader)
    assert run(whole) == [name]
    assert f"{name}/{file} is not what {name}/ was" in capsys.readouterr().err
    assert path.read_text() == "first"
    aside = [p for p in (whole / "superseded").rglob("*") if p.is_file()]
    assert "of another study" in [p.read_text() for p in aside], "nothing is deleted"


@pytest.mark.parametrize("keep_times", [False, True])
def test_the_same_size_and_time_hide_nothing(whole, keep_times):
    path = whole / "data" / SHARD
    times = path.stat()
    path.write_text("fresh")  # as many bytes
    if keep_times:
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(StudyError, match="is not what data/ was"):
        run(whole, "gan")


def test_a_large_file_is_read_again_if_it_was_touched(whole, monkeypatch):
    monkeypatch.setattr("synthjax.core.content._ALWAYS_READ", 0)
    read = []
    digest = __import__("hashlib").file_digest
    monkeypatch.setattr(
        "hashlib.file_digest", lambda file, kind: read.append(1) or digest(file, kind)
    )
    assert run(whole) == [] and not read
    path = whole / "data" / SHARD
    times = path.stat()
    path.write_text("fresh")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert "data" in run(whole) and read


def test_a_file_that_is_gone_or_came_later_is_named(whole):
    (whole / "data" / SHARD).unlink()
    with pytest.raises(StudyError, match=rf"data/{SHARD} is missing"):
        run(whole, "gan")
    assert run(whole) == ["data"]
    other = whole / "gan" / "checkpoints" / "9" / "ema" / "weights"
    other.parent.mkdir(parents=True)
    other.write_text("of another seed")
    with pytest.raises(
        StudyError, match="gan/checkpoints/9/ema/weights was not in gan/"
    ):
        run(whole, "synth")
    assert run(whole) == ["gan"]


def test_a_checkpoint_before_the_newest_may_be_removed(tmp_path):
    def train(path):
        for step in (8, 16):
            for part in ("ema/weights", "meta/metadata"):
                file = path / "checkpoints" / str(step) / part
                file.parent.mkdir(parents=True)
                file.write_text(f"{step}")

    run(tmp_path, "data")
    Study(tmp_path, config()).run("gan", train)
    run(tmp_path)
    older = tmp_path / "gan" / "checkpoints" / "8"
    (older / "ema" / "weights").write_text("of another seed")
    with pytest.raises(StudyError, match="gan/checkpoints/8/ema/weights is not what"):
        run(tmp_path, "synth")
    shutil.rmtree(older)
    assert run(tmp_path) == []
    shutil.rmtree(tmp_path / "gan" / "checkpoints" / "16")
    with pytest.raises(StudyError, match="gan/checkpoints/16/ema/weights is missing"):
        run(tmp_path, "synth")


def test_a_copied_study_is_the_same(whole, tmp_path_factory):
    copy = tmp_path_factory.mktemp("copy") / "study"
    shutil.copytree(whole, copy)
    assert run(copy) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["data", "gan", "synth", "classifier", "evaluate"])
def test_each_directory_made_elsewhere_is_another_input(whole, name):
    made_of_it = {name}
    for other in STAGES:  # in the order of the flow
        if made_of_it & {*STAGES[other].reads}:
            made_of_it.add(other)
    after = [other for other in STAGES if other in made_of_it - {name}]
    for version in ("second", "third", "fourth"):
        shutil.rmtree(whole / name)
        make(whole / name, version)
        assert run(whole) == after
        assert run(whole) == []


def test_evaluate_alone_after_a_new_twin_is_stopped(whole):
    shutil.rmtree(whole / "synth")
    make(whole / "synth", "another twin")
    with pytest.raises(StudyError, match=r"classifier was made from another synth/"):
        run(whole, "evaluate")


def test_the_last_release_s_record_is_accepted_and_completed(whole):
    for name in STAGES:
        record = read_json(whole / name / "stage.json")
        for key in ("files", "contents"):
            del record[key]
        write_json(whole / name / "stage.json", record)
    assert run(whole) == []
    (whole / "data" / SHARD).write_text("of another study")
    with pytest.raises(StudyError, match="is not what data/ was"):
        run(whole, "gan")


def test_what_is_not_the_stage_s_product_is_an_error_of_that_stage(tmp_path):
    for name in STAGES:
        stray = tmp_path / name / "notes.txt"
        stray.parent.mkdir()
        stray.write_text("")
        with pytest.raises(StudyError, match=f"{name} was not made by this study and"):
            run(tmp_path, name)
        shutil.rmtree(tmp_path / name)
        run(tmp_path, name)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_killed_at_its_first_record_begins_again(tmp_path, name):
    left = tmp_path / name / ".stage.json.4711.tmp"
    left.parent.mkdir()
    left.write_text('{"stage":')
    assert run(tmp_path) == list(STAGES)
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize("spoilt", [b"", b'{"sta', bytes(99), b"\xff\xfe\x80", b"[]"])
@pytest.mark.parametrize("name", STAGES)
def test_a_damaged_record_costs_no_training(whole, name, spoilt, capsys):
    (whole / name / "stage.json").write_bytes(spoilt)
    assert name in run(whole)
    assert f"{name}: " in (said := capsys.readouterr().err)
    assert "its stage.json is damaged" in said
    again = (whole / "superseded" / f"{name}-1").exists()
    assert again != STAGES[name].mends, "what goes on from its checkpoints stays"
    assert run(whole) == []


def test_other_versions_are_said_and_recorded(tmp_path, monkeypatch, capsys):
    study = Study(tmp_path, config())
    with pytest.raises(KeyboardInterrupt):
        study.run("data", lambda path: (_ for _ in ()).throw(KeyboardInterrupt))
    before = read_json(tmp_path / "data" / "stage.json")["versions"]
    after = before | {"jax": "99.0"}
    for module in ("study", "versions"):
        monkeypatch.setattr(f"synthjax.core.{module}.versions", lambda: after)
    study.run("data", make)
    assert f"jax {before['jax']} then and 99.0 now" in capsys.readouterr().err
    record = read_json(tmp_path / "data" / "stage.json")
    assert record["versions"] == after and record["earlier_versions"] == [before]
    study.run("gan", make)
    assert "earlier_versions" not in read_json(tmp_path / "gan" / "stage.json")


def test_the_workdir_is_the_user_s_and_its_lock_no_link(tmp_path):
    with Study(tmp_path / "study", config()).locked():
        assert (tmp_path / "study").stat().st_mode & 0o777 == 0o700
    victim = tmp_path / "victim"
    victim.write_text("kept")
    (tmp_path / "study" / ".lock").unlink()
    (tmp_path / "study" / ".lock").symlink_to(victim)
    with (
        pytest.raises(StudyError, match="cannot be written"),
        Study(tmp_path / "study", config()).locked(),
    ):
        pass
    assert victim.read_text() == "kept"
