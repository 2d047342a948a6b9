"""Files are found below a folder, whatever links there are, and never outside it."""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthjax.core.errors import StudyError
from synthjax.data.problems import Problems
from synthjax.data.sources.ignored import IgnoredFiles
from synthjax.data.sources.set_folder import digest_files, find_root
from synthjax.data.sources.tree import Fault, Tree

NAMES = ("a", "b", "c.png", "é")


@pytest.fixture(scope="module")
def tangle(tmp_path_factory):
    """Folders, files and links: inwards, outwards, in a loop, to nothing, over both."""
    base = tmp_path_factory.mktemp("tangle")
    root = base / "root"
    (root / "a" / "a").mkdir(parents=True)
    (base / "out" / "a").mkdir(parents=True)
    for folder in (root, root / "a", root / "a/a", base / "out", base / "out/a"):
        (folder / "c.png").write_bytes(b"1")
    (root / "b").symlink_to(root / "a")
    (root / "é").symlink_to(base / "out")
    (root / "a" / "b").symlink_to("../../root/a/a")
    (root / "a" / "é").symlink_to("é")
    (root / "a/a" / "b").symlink_to(base / "out" / "c.png")
    (root / "a/a" / "é").symlink_to("nowhere")
    (root / "a/a" / "a").symlink_to(base / "out" / "back")
    (base / "out" / "back").symlink_to(root / "a")
    (base / "root2").mkdir()  # a name that only begins as the root's does
    (base / "root2" / "c.png").write_bytes(b"1")
    (root / "a" / "a" / "side").symlink_to(base / "root2")
    return root


def inside(root, file):
    """What `locate` does, one file at a time; None if the file leaves the folder."""
    if not file or file.startswith("/"):
        return None
    try:
        path = (root / file).resolve()
    except (OSError, RuntimeError):  # a loop of links
        return None
    return path if path.is_relative_to(root.resolve()) else None


PARTS = st.sampled_from([*NAMES, "side", ".", "", "gone"])


@pytest.mark.slow
@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(parts=st.lists(PARTS, min_size=1, max_size=6))
def test_a_tree_finds_what_inside_finds(tangle, parts):
    file = "/".join(parts)
    found = Tree(tangle).locate(file)
    alone = inside(tangle, file)
    if isinstance(found, Fault):
        assert alone is None or not alone.is_file()
        assert repr(file) in found.what
    else:
        assert found == str(alone)
        assert os.path.isfile(found)


def test_one_tree_remembers_no_wrong_folder(tangle):
    tree = Tree(tangle)
    for _ in range(2):
        assert tree.locate("a/c.png") == str(tangle / "a/c.png")
        assert tree.locate("b/a/c.png") == str(tangle / "a/a/c.png")
        assert tree.locate("a/a/a/a/c.png") == str(tangle / "a/a/c.png")
        for file in ("é/c.png", "é/a/c.png", "a/a/b", "a/a/side/c.png"):
            assert tree.locate(file).kind == "file outside"
        for file in ("a", "a/é", "a/é/c.png", "a/a/é", "gone/c.png", "a/c.png/c.png"):
            assert tree.locate(file).kind == "file missing"


@pytest.mark.parametrize(
    "file", ["", "/c.png", "../root/c.png", "a/../c.png", "a\0.png", "..", "/"]
)
def test_what_is_no_name_inside_is_outside(tangle, file):
    assert Tree(tangle).locate(file).kind == "file outside"


def test_a_name_that_is_too_long_is_missing(tangle):
    assert Tree(tangle).locate("x" * 5000).kind == "file missing"


def test_present_reports_each_fault(tangle):
    problems = Problems("skip", 1.0)
    files = ["c.png", "gone.png", "é/c.png", "a/c.png"]
    found = Tree(tangle).present(files, lambda i: f"row {i}", problems)
    np.testing.assert_array_equal(found, [True, False, False, True])
    assert [p.kind for p in problems.found] == ["file missing", "file outside"]
    assert [p.where for p in problems.found] == ["row 1", "row 2"]
    with pytest.raises(StudyError, match=r"none of the 2 images.*row 0: .*gone.png"):
        Tree(tangle).present(files[1:3], lambda i: f"row {i}", problems)
    assert not Tree(tangle).present([], str, problems).size


def test_the_root_is_the_folder_or_in_it(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "one" / "train.csv").touch()
    assert find_root(str(tmp_path), "x", ["train.csv"]) == tmp_path / "one"
    assert find_root(str(tmp_path / "one"), "x", ["t*.csv"]) == tmp_path / "one"
    (tmp_path / "two" / "train.csv").touch()
    with pytest.raises(StudyError, match="several such sets .one, two.*data.x.path"):
        find_root(str(tmp_path), "x", ["train.csv"])
    with pytest.raises(StudyError, match="holds b.csv or c.csv"):
        find_root(str(tmp_path), "x", ["b.csv", "c.csv"])


def test_digest_follows_bytes_and_order(tmp_path):
    for name, content in (("a", b"12"), ("b", b"3"), ("c", b"1"), ("d", b"23")):
        (tmp_path / name).write_bytes(content)

    def of(names):
        return digest_files(tmp_path / name for name in names)

    assert of("ab") == of("ab")
    assert len({of("ab"), of("ba"), of("a"), of("cd"), None}) == 5
    assert of("ax") is None
    assert of("") is None


def test_a_walk_sees_every_file_once(tangle):
    """Each is an image or passed by; no link to a folder is followed."""
    passed = IgnoredFiles()
    (tangle / "a" / ".hidden").mkdir(exist_ok=True)
    (tangle / "a" / ".hidden" / "c.png").touch()
    (tangle / "a" / "note.txt").touch()
    found = list(Tree(tangle).walk(passed))
    assert found == ["c.png", "a/c.png", "a/a/c.png"]
    assert passed.hidden == ["a/.hidden"]
    assert passed.links == ["b", "é", "a/b", "a/a/a", "a/a/side"]
    assert passed.others == ["a/note.txt", "a/é", "a/a/b", "a/a/é"]
    assert list(Tree(tangle).walk(IgnoredFiles(), "a", deep=False)) == ["a/c.png"]


def test_files_without_a_row_are_told(tangle):
    tree = Tree(tangle)
    facts = tree.unnamed(["a", "nowhere"], {"a/c.png"})
    assert facts == {
        "files without a row": 1,
        "files without a row, such as": ["a/a/c.png"],
    }
    assert tree.unnamed(["a"], {"a/c.png", "a/a/c.png"}) == {"files without a row": 0}


def test_faults_name_no_folder_of_the_user(tangle):
    """They are kept with the built set, which may be exported."""
    for file in ("gone.png", "../c.png", "/c.png"):
        assert str(tangle) not in Tree(tangle).locate(file).what
