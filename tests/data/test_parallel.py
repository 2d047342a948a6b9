"""Workers keep the order, the errors and the bound on what is read ahead."""

import ctypes
import hashlib
import os
import signal
import subprocess
import sys
import time

import pytest

from synthjax.core.errors import StudyError
from synthjax.core.foreign import foreign
from synthjax.data import parallel
from synthjax.data.parallel import ordered_map


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_order_is_kept(workers):
    def slow_first(item):
        time.sleep(0.02 if item % 5 == 0 else 0)
        return item * 2

    assert list(ordered_map(slow_first, range(23), workers)) == list(range(0, 46, 2))


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_surfaces_at_its_item(workers):
    def fails(item):
        if item == 4:
            raise ValueError("item four")
        return item

    results = ordered_map(fails, range(9), workers)
    assert [next(results) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="item four"):
        next(results)


def test_little_is_read_ahead():
    taken = []

    def items():
        for item in range(1000):
            taken.append(item)
            yield item

    results = ordered_map(lambda item: item, items(), 2)
    next(results)
    assert len(taken) <= 8
    results.close()


def die(item):
    if item == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def double(item):
    return item * 2


@pytest.mark.slow
def test_processes_keep_the_order_and_say_when_one_is_killed():
    found = list(ordered_map(double, range(30), 2, processes=True))
    assert found == list(range(0, 60, 2))
    with pytest.raises(
        StudyError, match=r"killed.* at \d or one of the next.*workers=1"
    ):
        list(ordered_map(die, range(30), 2, processes=True))


def decode(item):
    """Two of the files keep a decoder in C, one computing and one waiting for ever."""
    with foreign(f"scan{item}.dcm", "cannot be read", "remove it", seconds=0.2):
        if item == 5:
            hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)
        if item == 11:
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            ctypes.CDLL(None).sleep(3600)
        return item


def decode_or_skip(item):
    try:
        return decode(item)
    except StudyError as error:
        return str(error)


@pytest.mark.slow
def test_a_decoder_that_never_comes_back_is_ended_and_its_file_named(capfd):
    found = list(ordered_map(decode_or_skip, range(20), 2, processes=True))
    assert [n for n in range(20) if found[n] != n] == [5, 11]
    for item in (5, 11):
        assert found[item].startswith(f"scan{item}.dcm cannot be read (it takes more")
    assert capfd.readouterr().err.count("its process was ended") == 2
    with pytest.raises(StudyError, match=r"scan5\.dcm cannot be read"):
        list(ordered_map(decode, range(20), 2, processes=True))


ORPHANS = """
import os, signal, sys, time
from synthjax.data.parallel import ordered_map
def identify(item):
    return os.getpid()
if __name__ == "__main__":
    pids = ordered_map(identify, range(100), 2, processes=True)
    print(*{next(pids) for _ in range(20)}, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(ORPHANS)
    done = subprocess.run(
        [sys.executable, str(script)], stdout=subprocess.PIPE, check=False, text=True
    )
    assert done.returncode == -signal.SIGKILL
    workers = [int(pid) for pid in done.stdout.split()]
    assert workers
    deadline = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{pid}") for pid in workers):
        assert time.monotonic() < deadline, f"{workers} outlive their parent"
        time.sleep(0.05)


@pytest.mark.slow
def test_workers_that_die_before_the_first_item_are_an_error_too(monkeypatch):
    monkeypatch.setattr(parallel, "_begin", print_nothing_and_die)
    with pytest.raises(StudyError, match="a worker process was killed"):
        list(ordered_map(double, late(range(9)), 2, processes=True))


def print_nothing_and_die(deadlines):
    os._exit(1)


def late(items):
    """Items that come when the workers are dead already."""
    time.sleep(3)
    yield from items
