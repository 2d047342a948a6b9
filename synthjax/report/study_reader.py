"""What a study directory offers to the report: JSON, lines of metrics, images."""

import json
from pathlib import Path
from typing import Any

from synthjax.core.errors import StudyError
from synthjax.core.files import read_json

STAGES = ("data", "gan", "synth", "classifier", "evaluate")
# What the page needs of results.json.
NUMBERS = ("utility", "n_test_images", "n_test_patients", "seeds", "bootstrap")
RESULTS = ("verdict", *NUMBERS, "curves")
ARMS = ("real", "synthetic")


class Material:
    """Reads a study; what is optional and absent is None, and noted in `missing`."""

    def __init__(self, study: Path) -> None:
        self.study = study
        self.missing: list[str] = []

    def results(self) -> dict[str, Any]:
        """evaluate/results.json, without which there is nothing to report.

        Raises:
          StudyError: it is missing, damaged, or lacks what the page needs.
        """
        path = self.study / "evaluate" / "results.json"
        if not path.exists():
            raise StudyError(
                f"{path} is missing: run python -m launch.evaluate with the same "
                "--config and --workdir first"
            )
        results = self._json(path)
        absent = [key for key in RESULTS if key not in results]
        if absent:
            raise StudyError(
                f"{path} has no {', '.join(absent)}: run the evaluate stage again"
            )
        return results

    def json(self, *parts: str) -> Any:
        """A JSON file of the study; None, and noted as missing, where there is none."""
        found = self.optional_json(*parts)
        if found is None:
            self.missing.append("/".join(parts))
        return found

    def optional_json(self, *parts: str) -> Any:
        """A JSON file of the study that nobody misses, or None."""
        path = self.study.joinpath(*parts)
        return self._json(path) if path.exists() else None

    def _json(self, path: Path) -> Any:
        try:
            return read_json(path)
        except json.JSONDecodeError as error:
            raise StudyError(
                f"{path} is damaged ({error}): run the stage that writes it again"
            ) from None

    def stages(self) -> dict[str, dict[str, Any]]:
        """stage.json of every stage that has one, in the order of the flow."""
        found = {name: self.json(name, "stage.json") for name in STAGES}
        return {name: record for name, record in found.items() if record is not None}

    def metrics(self, *parts: str) -> list[dict[str, Any]]:
        """The lines of a metrics.jsonl; a half-written last line is left out."""
        path = self.study.joinpath(*parts, "metrics.jsonl")
        if not path.exists():
            self.missing.append("/".join([*parts, "metrics.jsonl"]))
            return []
        lines = []
        for text in path.read_text(encoding="utf-8").splitlines():
            try:
                lines.append(json.loads(text))
            except json.JSONDecodeError:
                break
        return lines

    def classifier_metrics(self) -> dict[str, list[list[dict[str, Any]]]]:
        """Lines of metrics of every seed of each arm that was trained."""
        arms: dict[str, list[list[dict[str, Any]]]] = {}
        for arm in ARMS:
            folders = (self.study / "classifier" / arm).glob("seed*")
            seeds = sorted(folders, key=lambda path: (len(path.name), path.name))
            arms[arm] = [self.metrics("classifier", arm, seed.name) for seed in seeds]
            if not seeds:
                self.missing.append(f"classifier/{arm}/")
        return arms

    def image(self, *parts: str) -> Path | None:
        """The path of an image, or None."""
        path = self.study.joinpath(*parts)
        if path.exists():
            return path
        self.missing.append("/".join(parts))
        return None

    def samples(self, count: int) -> list[Path]:
        """At most `count` sample grids (<kimg>.png), the first and last among them."""
        folder = self.study / "gan" / "samples"
        sheets = (path for path in folder.glob("*.png") if path.stem.isdecimal())
        paths = sorted(sheets, key=lambda path: int(path.stem))
        if not paths:
            self.missing.append("gan/samples/")
        if len(paths) <= count or count == 1:
            return paths[-count:]
        picked = {round(i * (len(paths) - 1) / (count - 1)) for i in range(count)}
        return [paths[i] for i in sorted(picked)]


def series(
    lines: list[dict[str, Any]], axis: str, name: str
) -> tuple[list[float], list[float]]:
    """(axis, value) of the lines that have a finite value of `name`."""
    pairs = [
        (line[axis], line[name])
        for line in lines
        if line.get(name) is not None and line.get(axis) is not None
    ]
    return [x for x, _ in pairs], [y for _, y in pairs]
