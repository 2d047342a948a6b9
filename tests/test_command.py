"""The ends of a process: Ctrl-C, closed streams, no home, and what is no flag."""

import io
import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from synthjax.core.clock import progress, say
from synthjax.core.compile import use_compilation_cache
from synthjax.data.parallel import ordered_map

ROOT = Path(__file__).parent.parent
# A job in the background ignores Ctrl-C, and so do its children unless they are told.
ANSWERED = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
PREPARED = (
    f"{ANSWERED} import os, sys, time; from launch import process; process.prepare();"
)
PRESS = "os.kill(os.getpid(), signal.SIGINT);"
WORK = (
    "process.interrupts.working = True; process.interrupts.message = 'stopped'\ntry:\n "
)


def run(*arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        check=False,
        cwd=ROOT,
        env=os.environ | {"XLA_FLAGS": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "said"),
    [
        (f"{PRESS} time.sleep(9)", "interrupted; nothing was begun"),
        (f"{WORK} {PRESS} time.sleep(9)\nfinally:\n {PRESS} time.sleep(9)", "stopped"),
        (
            (
                f"{WORK} {PRESS} time.sleep(9)\nexcept KeyboardInterrupt:\n "
                f"process.interrupts.say(); {PRESS} time.sleep(9)"
            ),
            "stopped",
        ),
    ],
    ids=["while it imports", "twice while it works", "twice, once it has ended"],
)
def test_ctrl_c_leaves_one_line(script, said):
    done = run("-c", PREPARED + script)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.strip() == said


@pytest.mark.slow
def test_ctrl_c_during_the_imports_of_a_command():
    press = f"import os, signal; {PRESS}"
    script = (
        f"{ANSWERED} import runpy, sys; sys.path.insert(0, '.')\n"
        "class Press:\n"
        f"  def find_spec(self, name, *_):\n    if name == 'jax':\n      {press}\n"
        "sys.meta_path.insert(0, Press()); sys.argv = ['-m']\n"
        "runpy.run_module('launch.data', run_name='__main__')"
    )
    done = run("-c", script)
    assert (done.returncode, done.stderr.strip()) == (
        130,
        "interrupted; nothing was begun",
    )


def test_closed_streams_get_no_data_of_files(tmp_path):
    script = (
        f"{PREPARED} file = open({str(tmp_path / 'data')!r}, 'w'); "
        "print('out'); print('err', file=sys.stderr); os.write(2, b'err')"
    )
    command = 'exec "$0" -c "$1" <&- >&- 2>&-'
    done = subprocess.run(
        ["bash", "-c", command, sys.executable, script], check=False, cwd=ROOT
    )
    assert done.returncode == 0
    assert (tmp_path / "data").read_text() == ""


def test_nobody_who_listens_ends_nothing(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", None)
    say("not among the data of stdout")
    assert list(progress(range(2), desc="reading")) == [0, 1]
    assert capsys.readouterr().out == ""

    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(sys, "stderr", Gone())
    for _ in range(2):
        say("nobody reads this")
    with sys.stderr:  # nobody's
        pass
    say("nor this")
    sys.stderr.close()


@pytest.mark.parametrize("place", ["no home", "a file", "may not be written"])
def test_without_a_place_for_the_cache_there_is_none(
    tmp_path, monkeypatch, place, capsys
):
    before = jax.config.jax_compilation_cache_dir
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def no_home():
        raise RuntimeError("Could not determine home directory.")

    if place == "no home":
        monkeypatch.setattr(Path, "home", no_home)
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        (tmp_path / "cache").write_text("")
    if place == "may not be written":
        monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/proc/none")
    try:
        use_compilation_cache()
        assert jax.config.jax_compilation_cache_dir is None
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
    assert "compiled steps are not kept" in capsys.readouterr().err


def test_without_worker_processes_this_one_works(monkeypatch, capsys):
    def refused(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("synthjax.data.parallel.ProcessPoolExecutor", refused)
    assert list(ordered_map(abs, [-1, 2], 2, processes=True)) == [1, 2]
    assert "no worker processes can be started" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (
            ["--config=phantom_chest:tiny", "config.gan.kimg=3"],
            "error: 'config.gan.kimg=3' is not a flag; did you mean --config.gan.kimg=3?",
        ),
        (
            ["--config=phantom_chest:tinyy"],
            (
                "error: configs/phantom_chest.py:tinyy: only :tiny is known; --help lists "
                "the flags"
            ),
        ),
        (
            ["--config=phantom_chest:tiny", "--config.gan.kimg=inf"],
            (
                "error: --config.gan.kimg=inf: must be a finite number; --help lists the "
                "flags"
            ),
        ),
    ],
)
def test_what_is_wrong_with_the_flags_is_one_line(flags, said, tmp_path):
    done = run("-m", "launch.data", f"--workdir={tmp_path}", *flags)
    assert (done.returncode, done.stderr.strip()) == (2, said)
