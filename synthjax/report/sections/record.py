"""The record of a study: where it comes from, its settings, versions and times."""

from pathlib import PurePath
from typing import Any

from synthjax.core.clock import duration
from synthjax.report.formatting import plain
from synthjax.report.section import SectionInputs, Values

# Keys whose values are files and folders of the user. Earlier releases recorded them.
_PLACES = {
    *("path", "index", "labels_csv", "images", "encoder_path", "init_from"),
    *("pretrained", "beam_options"),
}

Records = dict[str, dict[str, Any]]  # stage.json of each stage
Pairs = list[tuple[str, str]]


def record(inputs: SectionInputs) -> Values:
    """Return what was run, with which settings and versions, and how long it took."""
    study = inputs.study
    stages = study.stages()
    return {
        "gates": [_gate(gate) for gate in study.gates()],
        "provenance": _provenance(study.provenance()),
        "stages": _times(stages),
        "settings": _settings(stages),
        "versions": _versions(stages),
    }


def _provenance(record: dict[str, Any] | None) -> Pairs:
    """Return what is known of the synthetic images, as (name, value)."""
    if record is None:
        return []
    generator = record.get("generator", {})
    counts = record.get("counts", {})
    source = record.get("label_source", "")
    images = ", ".join(f"{n['images']:,} {split}" for split, n in counts.items())
    pairs = {
        "Checkpoint": _within_study(generator.get("checkpoint")),
        "Trained for": f"{generator.get('kimg'):g} kimg" if generator else None,
        "Parameters (SHA-256)": generator.get("ema_sha256"),
        "Seed": record.get("seed"),
        "Truncation psi": record.get("psi"),
        "Labels": {"rows": "those of the real images, each once"}.get(source, source),
        "Images": images,
        "Source commit": record.get("git_commit"),
    }
    return [(k, str(v)) for k, v in pairs.items() if v not in (None, "")]


def _within_study(place: str | None) -> str | None:
    """Return the end of a path, gan/checkpoints/<step>: the rest is the user's."""
    return place and "/".join(PurePath(place).parts[-3:])


def _gate(gate: dict[str, Any]) -> dict[str, Any]:
    """Return a limit that was set before the run, and what was found."""
    ends = (("at least", gate["minimum"]), ("at most", gate["maximum"]))
    limits = [f"{word} {end:g}" for word, end in ends if end is not None]
    return {
        "name": gate["name"],
        "limit": ", ".join(limits),
        "value": plain(gate["value"]),
        "is_met": not gate["reason"],
        "reason": gate["reason"],
    }


def _times(stages: Records) -> dict[str, Any]:
    """Return the time of every stage and their sum."""
    rows = [
        {
            "name": name,
            "status": record.get("status", "unknown"),
            "time": duration(record["seconds"]) if "seconds" in record else "–",
            "finished": (record.get("finished") or "–").replace("T", " "),
        }
        for name, record in stages.items()
    ]
    total = sum(record.get("seconds", 0) for record in stages.values())
    return {"rows": rows, "total": duration(total)}


def _settings(stages: Records) -> list[dict[str, Any]]:
    """Return the config of every stage as (key, value), without the user's places."""
    return [
        {
            "name": name,
            "rows": [
                (key, value)
                for key, value in _flat(_with_seed(record))
                if key.split(".")[-1] not in _PLACES
            ],
        }
        for name, record in stages.items()
        if record.get("config")
    ]


def _with_seed(record: dict[str, Any]) -> dict[str, Any]:
    """Return a stage's config and, where it is recorded beside it, the study's seed."""
    seed = {"seed of the study": record["seed"]} if "seed" in record else {}
    return seed | record["config"]


def _flat(tree: dict[str, Any], prefix: str = "") -> Pairs:
    rows = []
    for key, value in tree.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{key}.")
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            rows.append((prefix + key, text))
    return rows


def _versions(stages: Records) -> Pairs:
    """Return the versions of what ran; several where the stages' differ."""
    versions: dict[str, list[str]] = {}
    for record in stages.values():
        for name, version in (record.get("versions") or {}).items():
            if version not in versions.setdefault(name, []):
                versions[name].append(version)
    return [(name, ", ".join(values)) for name, values in versions.items()]
