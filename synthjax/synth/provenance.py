"""Where a synthetic set comes from, in enough detail to draw it again."""

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

import synthjax
from synthjax.core.public import public
from synthjax.core.versions import versions
from synthjax.gan.generator import Generator
from synthjax.synth.config import SynthConfig
from synthjax.synth.labels import counts

PROVENANCE = "provenance.json"


def parameter_digest(params: dict[str, Any]) -> str:
    """Returns the SHA-256 of names, shapes, types and bytes of a parameter tree."""
    hasher = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        array = np.asarray(leaf)
        name = jax.tree_util.keystr(path)
        hasher.update(f"{name} {array.shape} {array.dtype}\n".encode())
        hasher.update(np.ascontiguousarray(array).tobytes())
    return hasher.hexdigest()


def git_commit() -> str | None:
    """Returns the commit of the source tree, "+changes" if edited; None outside of one."""
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


def make_provenance(
    config: SynthConfig,
    seed: int,
    gan: Path,
    generator: Generator,
    digest: str,
    requested: dict[str, Float[np.ndarray, "n y"]],
) -> dict[str, Any]:
    """Returns the content of provenance.json, ready for JSON.

    Args:
      config: the synth section.
      seed: of the draw: the study's and the section's.
      gan: the directory that the generator was loaded from.
      generator: what drew the images.
      digest: of its parameters.
      requested: split -> label vectors of its images.
    """
    names = tuple(generator.labels)
    return {
        "synthetic": True,
        "generator": {
            "checkpoint": f"gan/checkpoints/{generator.step}",
            "step": int(generator.step),
            "kimg": float(generator.kimg),
            "ema_sha256": digest,
        },
        "seed": seed,
        "psi": config.psi,
        "label_source": config.label_source,
        "copies_per_row": config.copies_per_row,
        "unknown_labels": "requested as unknown and written as unknown",
        "counts": {split: counts(label, names) for split, label in requested.items()},
        "config": public(config),
        "git_commit": git_commit(),
        "versions": versions(),
    }
