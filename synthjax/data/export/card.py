"""README.md of an export: what the set is, for people and for dataset hubs.

The header between the dashes is that of a Hugging Face dataset card
(https://huggingface.co/docs/hub/datasets-cards). Of the provenance only named facts
are written, and nothing that looks like a path of the machine it was made on.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import synthjax
from synthjax.core.files import write_atomic
from synthjax.data.dataset import Dataset

_WRITTEN = (  # keys of a provenance; a group stands for all below it
    "source",
    "seed",
    "psi",
    "label_source",
    "unknown_labels",
    "generator.step",
    "generator.kimg",
    "generator.ema_sha256",
    "pixels",
    "facts",
    "version",
    "git_commit",
    "versions",
)
_SIZES = ((1e3, "n<1K"), (1e4, "1K<n<10K"), (1e5, "10K<n<100K"), (1e6, "100K<n<1M"))
_SYNTHETIC = """\
**Every image is synthetic.** It was drawn by a generative model and shows no patient;
the labels are those that were requested of the model. Patient and exam ids are
invented."""
_SOFT = """

Beside them are soft labels: of each finding the probability, 0 to 1, that classifiers
trained on real images see in the synthetic image. They may be truer of the image than what
was asked for, and carry something of the real images that taught those classifiers. In a
table their columns end in `(soft)`, in an `.npz` file they are `soft_labels`. They are the
{origin}."""
_REAL = """\
**This set is not synthetic**: its images are those of its source, resized. Ids of
images, exams and patients are numbers, unless it was exported with --keep_ids. Hand it on only if the terms of the source allow it."""


def write_card(
    built: Dataset,
    folder: Path,
    *,
    files: str,
    header: Mapping[str, Any] | None = None,
) -> None:
    """Writes README.md.

    Args:
        folder: of the export.
        files: what lies beside the card, a paragraph of Markdown.
        header: further entries of the card's YAML header, JSON-ready.
    """
    sections = [
        _header(built, header or {}),
        f"# {built.schema.name}",
        _SYNTHETIC if built.is_synthetic else _REAL,
        f"## Files\n\n{files}",
        f"## Images\n\n{_images(built)}",
        f"## Labels\n\n{_labels(built)}{_soft(built)}",
        f"## Provenance\n\n{_provenance(built)}",
    ]
    write_atomic(folder / "README.md", ("\n\n".join(sections) + "\n").encode())


def _header(built: Dataset, more: Mapping[str, Any]) -> str:
    """Returns the card's YAML; values are written as JSON, which YAML contains."""
    size = next((name for bound, name in _SIZES if len(built) < bound), "1M<n<10M")
    tags = ["medical", "synthetic"] if built.is_synthetic else ["medical"]
    header = {
        "pretty_name": built.schema.name,
        "task_categories": ["image-classification"],
        "size_categories": [size],
        "tags": tags,
        **more,
    }
    lines = (
        f"{key}: {json.dumps(value, ensure_ascii=False)}"
        for key, value in header.items()
    )
    return "\n".join(("---", *lines, "---"))


def _images(built: Dataset) -> str:
    schema = built.schema
    colour = "grey" if schema.channels == 1 else "RGB"
    lines = ["| split | images | patients |", "|---|---|---|"]
    for split in built.counts:
        metadata = built.metadata(split)
        patients = len(set(metadata.patient_id))
        lines.append(f"| {split} | {len(metadata):,} | {patients:,} |")
    size = f"{schema.resolution} x {schema.resolution} pixels, {colour}"
    lines.append(f"\n{size}, {schema.bits} bits. No two splits share a patient.")
    return "\n".join(lines)


def _labels(built: Dataset) -> str:
    """Returns the prevalence per split: positives of the images with a known label."""
    splits = list(built.counts)
    lines = [
        f"| label | {' | '.join(splits)} |",
        "|---" * (1 + len(splits)) + "|",
    ]
    for column, name in enumerate(built.schema.labels):
        cells = []
        for split in splits:
            values = built.label(split)[:, column]
            known = int(np.sum(~np.isnan(values)))
            share = f" ({np.nanmean(values):.1%})" if known else ""
            cells.append(f"{int(np.sum(values == 1)):,} of {known:,}{share}")
        lines.append(f"| {_cell(name)} | {' | '.join(cells)} |")
    return "\n".join((*lines, "\nPositive images of those whose label is known."))


def _soft(built: Dataset) -> str:
    return _SOFT.format(origin=_cell(built.soft.origin)) if built.soft else ""


def _provenance(built: Dataset) -> str:
    lines = ["| fact | value |", "|---|---|"]
    for key, value in _facts(built.provenance):
        group = key.split(".")
        if any(
            ".".join(group[:depth]) in _WRITTEN for depth in range(1, len(group) + 1)
        ):
            lines.append(f"| {_cell(key)} | {_cell(str(value))} |")
    if not any(line.startswith("| pixels.") for line in lines):
        learned = "as in the set that the generator learned from"
        origin = learned if built.is_synthetic else "not recorded"
        lines.append(f"| pixels | {origin} |")
    lines.append(f"| exported by | synthjax {synthjax.__version__} |")
    return "\n".join(lines)


def _facts(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields dotted key and value of every number, truth value and word."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _facts(value, f"{prefix}{key}.")
        elif isinstance(value, (bool, int, float)) or (
            isinstance(value, str) and not {"/", "\\"} & set(value)
        ):
            yield f"{prefix}{key}", value


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
