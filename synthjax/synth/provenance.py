"""Where a synthetic set comes from, in enough detail to draw it again."""

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import jax
import numpy as np

import synthjax
from synthjax.core.config import plain
from synthjax.core.versions import versions
from synthjax.synth.labels import counts

PROVENANCE = "provenance.json"


def parameter_digest(params: Any) -> str:
    """SHA-256 over the names, shapes, types and bytes of a parameter tree."""
    hasher = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        array = np.asarray(leaf)
        name = jax.tree_util.keystr(path)
        hasher.update(f"{name} {array.shape} {array.dtype}\n".encode())
        hasher.update(np.ascontiguousarray(array).tobytes())
    return hasher.hexdigest()


def git_commit() -> str | None:
    """Commit of the source tree (with "+changes" if edited), None outside of one."""
    git = ["git", "-C", str(Path(synthjax.__file__).parent)]
    try:
        commit, status = (
            subprocess.run(
                [*git, *arguments], capture_output=True, check=True, text=True
            ).stdout.strip()
            for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain"])
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit + ("+changes" if status else "")


def describe(
    config: Any,
    seed: int,
    gan: Path,
    generator: Any,
    digest: str,
    wanted: dict[str, np.ndarray],
) -> dict[str, Any]:
    """The content of provenance.json (JSON-ready)."""
    names = tuple(generator.labels)
    return {
        "synthetic": True,
        "generator": {
            "checkpoint": str(gan / "checkpoints" / str(generator.step)),
            "step": int(generator.step),
            "kimg": float(generator.kimg),
            "ema_sha256": digest,
        },
        "seed": seed,
        "psi": config.psi,
        "label_source": config.label_source,
        "copies_per_row": config.copies_per_row,
        "unknown_labels": "asked for as 0 and written as 0",
        "counts": {split: counts(label, names) for split, label in wanted.items()},
        "config": plain(config),
        "git_commit": git_commit(),
        "versions": versions(),
    }
