"""What leaves the house: words planted in a study's source are in nothing it hands on."""

import pytest

from builders.planted import PSEUDONYM, WORDS, find_words, flags_of, make_folder
from builders.processes import TESTS, fast_compile
from synthjax.data.export.formats import export

PLACES = {
    "user": "XQUSERX",
    "source": "XQSOURCEX",
    "workdir": "XQWORKX",
    "host": "XQHOSTX",
}
OTHER_HOST = """
import os, platform, socket
socket.gethostname = lambda: "XQHOSTX"
socket.getfqdn = lambda *name: "XQHOSTX"
platform.node = lambda: "XQHOSTX"
uname = os.uname
os.uname = lambda: os.uname_result((uname()[0], "XQHOSTX", *uname()[2:]))
"""
SHORT = (
    "--config.gan.kimg=0.16",
    "--config.classifier.steps=4",
    "--config.classifier.eval_every=2",
    "--config.evaluate.attribution.images=1",
)
EXPORTS = [
    ("data", "png"),
    ("data", "npz"),
    ("synth", "png"),
    ("synth", "npz"),
    ("synth", "dicom"),
]


@pytest.mark.slow
def test_planted_words_are_in_nothing_that_is_handed_on(tmp_path, pipeline):
    """The pseudonym is in data/ alone; names of files in prepared/, which stays."""
    home = tmp_path / PLACES["user"]
    source, workdir = home / PLACES["source"], home / PLACES["workdir"]
    make_folder(source)
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(OTHER_HOST)
    done = pipeline(
        workdir,
        *flags_of(source),
        *SHORT,
        **fast_compile(),
        PYTHONPATH=f"{site}:{TESTS.parent}",
        USER=PLACES["user"],
        LOGNAME=PLACES["user"],
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for name, form in EXPORTS:
        export(workdir / name, tmp_path / "exports" / f"{name}_{form}", form)
    words = WORDS | PLACES
    assert len(words) >= 16
    exported = find_words(tmp_path / "exports", words)
    assert not any(exported.values()), exported
    found = find_words(workdir, words)
    for name, places in found.items():
        handed_on = [p for p in places if not p.startswith("prepared/")]
        if words[name] != PSEUDONYM:
            assert not handed_on, name
        else:
            assert handed_on and all(p.startswith("data/") for p in handed_on)
    # The search would find them: the private folder holds names of files.
    assert found["file"] and found["source"] and found["subfolder"]


def test_the_search_finds_what_is_planted(tmp_path):
    """In the source itself every word is found, and so is the table's."""
    found = find_words(make_folder(tmp_path / "source", patients=1), WORDS)
    assert all(found.values()), found
