"""A made-up study directory: what the report reads, without running a study."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from synthjax.core.files import read_json, write_json
from synthjax.core.findings import CHEST
from synthjax.core.logbook import grid, save_png
from synthjax.metrics.registry import IMAGE_METRICS, METRICS
from synthjax.report.config import ReportConfig
from synthjax.report.page import write_report

UNDEFINED = "Pleural Other"  # no test image has it


def thorax(rng: np.random.Generator, size: int, soft: float) -> np.ndarray:
    """A caricature of a radiograph: two dark lungs and a bright heart."""
    y, x = np.mgrid[0:size, 0:size] / size - 0.5
    x, y = x + rng.normal(0, 0.02), y + rng.normal(0, 0.02)
    lungs = sum(
        1 / (1 + np.exp((np.hypot((x + s) / 0.17, y / 0.33) - 1) / soft))
        for s in (-0.2, 0.2)
    )
    heart = np.exp(-(((x - 0.05) / 0.12) ** 2) - ((y - 0.15) / 0.15) ** 2)
    bright = 0.75 - 0.55 * lungs + rng.uniform(0.3, 0.7) * heart
    bright = bright + rng.normal(0, 0.02, bright.shape)
    return (255 * bright.clip(0, 1)).astype(np.uint8)[..., None]


def triple(value: float, width: float) -> dict[str, float]:
    """A value with its interval."""
    return {"value": value, "low": value - width, "high": value + 0.9 * width}


def results(rng: np.random.Generator, names: tuple[str, ...]) -> dict:
    """results.json with one undefined label and intervals as wide as n makes them."""
    labels, curves = [], []
    fpr = np.linspace(0, 1, 51) ** 2
    for name in names:
        positive = int(2400 * rng.uniform(0.01, 0.3))
        real, gap = rng.uniform(0.84, 0.99), rng.normal(0.06, 0.04)
        width = 0.25 / np.sqrt(positive) + 0.005
        label = {"name": name, "n_positive": positive, "n": 2412}
        if name == UNDEFINED:
            arms = {"real": None, "synthetic": None, "gap": None}
            labels.append(label | arms | {"n_positive": 0, "undefined": "no positive"})
            continue
        arms = {"real": triple(real, width), "synthetic": triple(real - gap, width)}
        labels.append(label | arms | {"gap": triple(gap, width)})
        areas = {"real": real, "synthetic": real - gap}
        curve = {arm: (fpr ** ((1 - a) / a)).tolist() for arm, a in areas.items()}
        curves.append({"name": name} | curve)
    mean = {
        "real": {"value": 0.9312, "low": 0.921, "high": 0.941},
        "synthetic": {"value": 0.8724, "low": 0.859, "high": 0.884},
        "gap": {"value": 0.0588, "low": 0.0461, "high": 0.0712},
    }
    return {
        "verdict": "A classifier trained on synthetic images loses 0.059 mean AUROC.",
        "utility": {"mean": mean, "labels": labels},
        "n_test_images": 2412,
        "n_test_patients": 1203,
        "seeds": 3,
        "undefined_labels": [UNDEFINED],
        "curves": {"fpr": fpr.tolist(), "labels": curves},
        "bootstrap": {"replicates": 1000, "level": 0.95, "seed": 0},
    }


def write_sheets(folder: Path, rng: np.random.Generator, names: tuple) -> None:
    """Strips of neighbours and of maps with the sheets that describe them."""
    pictures = []
    for choice in ("closest", "closest_test", "random"):
        for place, name in enumerate(names[:3]):
            file = f"own_{choice}_{place}.png"
            images_u8 = np.stack([thorax(rng, 48, 0.1) for _ in range(4)])
            save_png(folder / "neighbours" / file, grid(images_u8, 4))
            near = [{"id": "b", "labels": [], "distance": 0.123}]
            pictures.append(
                {"file": file, "alt": f"Image {place} and its nearest three images"}
                | {"distance": "own", "choice": choice, "neighbours": near}
                | {"image": {"id": "a", "labels": [name]}}
            )
    sheet = {
        "distances": {"own": {"words": "features", "unit": "1 - cosine"}},
        "choices": {
            "closest": "the synthetic images closest to a training image",
            "closest_test": "the real test images closest to a training image",
            "random": "synthetic images drawn at random",
        },
        "pictures": pictures,
    }
    write_json(folder / "neighbours" / "sheet.json", sheet)
    pictures = []
    for place, name in enumerate(names[:3]):
        file = f"occlusion_{place}.png"
        images_u8 = np.stack([thorax(rng, 48, 0.1) for _ in range(3)])
        save_png(folder / "attribution" / file, grid(images_u8, 3))
        pictures.append(
            {"file": file, "alt": f"Two maps for {name}", "method": "occlusion"}
            | {"finding": name, "id": "a"}
        )
    sheet = {
        "columns": ["image", "trained on real", "trained on synthetic"],
        "methods": {"occlusion": "rise of the cross-entropy"},
        "pictures": pictures,
    }
    write_json(folder / "attribution" / "sheet.json", sheet)


def make_study(
    folder: Path, size: int = 64, lines: int = 60, names: tuple[str, ...] = CHEST
) -> Path:
    """Writes the made-up study into `folder`."""
    rng = np.random.default_rng(0)
    write_json(folder / "evaluate" / "results.json", results(rng, names))
    n = len(names)
    for arm, soft in (("real", 0.06), ("synthetic", 0.12)):
        images_u8 = np.stack([thorax(rng, size, soft) for _ in range(4 * n)])
        save_png(folder / "evaluate" / "grids" / f"{arm}.png", grid(images_u8, n))
    columns = [
        {"finding": name, "labels": sorted({name, other}), "unknown": []}
        for name, other in zip(names, [names[0], names[0], *names[1:]])
    ]
    sheet = {"rows": 4, "split": "test", "resolution": size, "columns": columns}
    write_json(folder / "evaluate" / "grids" / "grid.json", sheet)
    for kimg in (0, 20, 60, 120, 160, 200):
        soft = 0.1 + 2.0 * np.exp(-kimg / 30)
        images_u8 = np.stack([thorax(rng, size, soft) for _ in range(32)])
        save_png(folder / "gan" / "samples" / f"{kimg:06d}.png", grid(images_u8, 8))
    write_lines(
        folder / "gan" / "metrics.jsonl",
        [
            {"kimg": 4.0 * i, "loss_discriminator": 1.1 + rng.normal(0, 0.05)}
            | {"loss_generator": 1.0 + 0.004 * i + rng.normal(0, 0.08)}
            | {"r1": 0.3 * np.exp(-i / 20) + 0.05 + rng.uniform(0, 0.02)}
            for i in range(lines)
        ],
    )
    for arm, top in (("real", 0.93), ("synthetic", 0.88)):
        for k in range(3):
            write_lines(
                folder / "classifier" / arm / f"seed{k}" / "metrics.jsonl",
                [
                    {"step": 50 * i, "loss": 0.5}
                    | {"valid_auroc": top - 0.4 * np.exp(-i / 8) + rng.normal(0, 0.004)}
                    for i in range(1, lines)
                ],
            )
    splits = {}
    for split, images in (("train", 8000), ("valid", 1600), ("test", 2412)):
        counts = {
            name: {
                "positive": (p := int(images * rng.uniform(0.03, 0.3))),
                "unknown": 0,
            }
            | {"negative": images - p, "prevalence": p / images}
            for name in names
        }
        splits[split] = {"images": images, "patients": images // 2, "labels": counts}
    sizes = {"pyramid_from": 0, "resolution": 64, "window": "file"}
    write_json(
        folder / "data" / "splits.json",
        {"labels": names, "seed": 0, "patients_named": True, "splits": splits}
        | {"cohort": None, "left_out": {"count": 0, "kinds": {}}}
        | {"pixels": {"aspect": "pad", "bits": 8, "normalise": "none"} | sizes},
    )
    seconds = {
        "data": 41.2,
        "gan": 512.0,
        "synth": 33.0,
        "classifier": 171.0,
        "evaluate": 12.5,
    }
    for stage, time in seconds.items():
        config = {"seed": 0, "source": "phantom_chest", "nested": {"rate": 0.0025}}
        config["folder"] = {"path": "/ward/images", "file_column": "image_file"}
        write_json(
            folder / stage / "stage.json",
            {
                "stage": stage,
                "config": config,
                "inputs": {},
                "status": "done",
                "seconds": time,
            }
            | {"started": "2026-01-02T10:00:00+00:00"}
            | {"finished": "2026-01-02T10:10:00+00:00"}
            | {"versions": {"python": "3.11.7", "jax": "0.10.2"}},
        )
    write_json(
        folder / "synth" / "provenance.json",
        {
            "generator": {"checkpoint": "/study/gan/checkpoints/6250", "step": 6250}
            | {"kimg": 200.0, "ema_sha256": "0f" * 32},
            "seed": 0,
            "psi": 1.0,
            "label_source": "rows",
            "counts": {"train": {"images": 8000}, "test": {"images": 2412}},
            "git_commit": "a" * 40,
        },
    )
    return folder


def make_full(folder: Path) -> Path:
    """Adds to a made-up study what the parts of the evaluation write."""
    found = read_json(Path(__file__).parent / "results.json")
    write_json(folder / "evaluate" / "results.json", found)
    names = tuple(row["name"] for row in found["utility"]["labels"])
    write_sheets(folder / "evaluate", np.random.default_rng(1), names)
    kept = {"name": "n_test_patients", "minimum": 200, "maximum": None, "value": 1203.0}
    missed = {"name": "utility.mean.gap.high", "minimum": None, "maximum": 0.05}
    gates = [kept | {"reason": ""}]
    gates.append(missed | {"value": 0.0712, "reason": "above 0.05"})
    write_json(folder / "evaluate" / "gates.json", {"gates": gates})
    return folder


def write_lines(path: Path, lines: list[dict]) -> None:
    """Writes dicts as JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture(scope="session")
def whole_study(tmp_path_factory) -> Path:
    """A made-up study with everything that the report can show; tests only read it."""
    names = ("No Finding", "Cardiomegaly", "Edema", UNDEFINED)
    folder = tmp_path_factory.mktemp("made-up") / "study"
    return make_study(folder, size=16, lines=12, names=names)


@pytest.fixture(scope="session")
def full_study(whole_study, tmp_path_factory) -> Path:
    """The made-up study, evaluated with every part switched on; tests only read it."""
    folder = tmp_path_factory.mktemp("full") / "study"
    return make_full(Path(shutil.copytree(whole_study, folder)))


@pytest.fixture(scope="session")
def full_report(full_study, tmp_path_factory) -> Path:
    """The folder of its report."""
    out = tmp_path_factory.mktemp("full-report")
    metrics = {**METRICS, **IMAGE_METRICS}
    write_report(ReportConfig(), study=full_study, out=out, metrics=metrics)
    return out


@pytest.fixture
def empty_figures(monkeypatch):
    """Leaves every vector figure empty, for speed."""
    monkeypatch.setattr("synthjax.report.figures.svg", lambda figure: b"<svg/>")


@pytest.fixture
def made_up_study(whole_study, tmp_path) -> Path:
    """A copy of it that a test may change."""
    return Path(shutil.copytree(whole_study, tmp_path / "study"))
