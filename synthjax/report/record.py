"""The record of a study: where it comes from, its settings, versions and times."""

from typing import Any

from synthjax.core.clock import duration
from synthjax.report.words import plain

_PLACES = ("path", "index")  # keys whose values are folders of the user


def provenance(record: dict[str, Any] | None) -> list[tuple[str, str]]:
    """What synth/provenance.json says of the synthetic images, as (name, value)."""
    if record is None:
        return []
    generator = record.get("generator", {})
    counts = record.get("counts", {})
    source = record.get("label_source", "")
    images = ", ".join(f"{n['images']:,} {split}" for split, n in counts.items())
    pairs = {
        "Checkpoint": generator.get("checkpoint"),
        "Trained for": f"{generator.get('kimg'):g} kimg" if generator else None,
        "Parameters (SHA-256)": generator.get("ema_sha256"),
        "Seed": record.get("seed"),
        "Truncation psi": record.get("psi"),
        "Labels": {"rows": "those of the real rows, one by one"}.get(source, source),
        "Images": images,
        "Source commit": record.get("git_commit"),
    }
    return [(k, str(v)) for k, v in pairs.items() if v not in (None, "")]


def made_elsewhere(record: dict[str, Any] | None) -> bool:
    """Whether the synthetic images came as a folder, from a generator not known here."""
    return record is not None and "generator" not in record


def gates(record: dict[str, Any] | None) -> list[dict[str, Any]]:
    """What evaluate/gates.json says of every limit that was set before the run."""
    rows = []
    for gate in (record or {}).get("gates", []):
        ends = (("at least", gate["minimum"]), ("at most", gate["maximum"]))
        limits = [f"{word} {end:g}" for word, end in ends if end is not None]
        rows.append(
            {
                "name": gate["name"],
                "limit": ", ".join(limits),
                "value": plain(gate["value"]),
                "kept": not gate["reason"],
                "reason": gate["reason"],
            }
        )
    return rows


def stage_table(stages: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Seconds of every stage and their sum."""
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


def settings(stages: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The config of every stage as flat (key, value) rows, the user's folders aside."""
    return [
        {
            "stage": name,
            "rows": [
                (key, value)
                for key, value in _flat(record["config"])
                if key.split(".")[-1] not in _PLACES
            ],
        }
        for name, record in stages.items()
        if record.get("config")
    ]


def _flat(tree: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows = []
    for key, value in tree.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{key}.")
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            rows.append((prefix + key, text))
    return rows


def versions(stages: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    """Versions of what ran; several where stages ran under different ones."""
    found: dict[str, list[str]] = {}
    for record in stages.values():
        for name, version in (record.get("versions") or {}).items():
            if version not in found.setdefault(name, []):
                found[name].append(version)
    return [(name, ", ".join(values)) for name, values in found.items()]
