"""Compilation ahead of the loop: side by side, announced, and interruptible."""

import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax

from synthjax.core.clock import duration, say


def compile_ahead(steps: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    """Runs each thunk (which compiles one step) in a thread; returns their results.

    XLA releases the interpreter while it compiles, so the steps compile side by side
    and a signal is still answered at once.
    """
    say(f"compiling {', '.join(steps)} ...")
    begin = time.monotonic()
    pool = ThreadPoolExecutor(max_workers=max(1, min(len(steps), os.cpu_count() or 1)))
    try:
        futures = {name: pool.submit(thunk) for name, thunk in steps.items()}
        results = {name: future.result() for name, future in futures.items()}
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
    say(f"compiled {', '.join(steps)} in {duration(time.monotonic() - begin)}")
    return results


def _users_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def use_compilation_cache() -> None:
    """Keeps compiled steps in the user's cache, so that a second start is quick.

    JAX_COMPILATION_CACHE_DIR, if set, wins. It is a comfort: without a place that can be
    written, as for a user without a home, there is none.
    """
    chosen = os.environ.get("JAX_COMPILATION_CACHE_DIR", "")
    if "://" in chosen:  # in a cloud, which JAX knows how to write
        return
    try:
        directory = Path(chosen) if chosen else _users_cache() / "synthjax" / "xla"
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home
        say(f"compiled steps are not kept for the next start ({error})")
        jax.config.update("jax_compilation_cache_dir", None)
        return
    if chosen:
        return
    jax.config.update("jax_compilation_cache_dir", str(directory))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)
