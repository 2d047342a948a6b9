"""Reads what a study left on disk: its numbers, its records, its logs, its images."""

from pathlib import Path
from typing import Any

from synthjax.core.errors import StudyError
from synthjax.core.files import read_json, read_json_lines
from synthjax.core.study import STAGES

# The arms that every study has: what its verdict compares.
COMPARED_ARMS = ("real", "synthetic")
# What results.json has in every study; all other parts are optional.
REQUIRED = (
    *("verdict", "utility", "n_test_images", "n_test_patients"),
    *("seeds", "bootstrap", "curves"),
)

LogLines = list[dict[str, Any]]  # the lines of a metrics.jsonl


class StudyReader:
    """Reads the directory of a study, finished or not.

        study = StudyReader("runs/phantom_chest")
        study.results()["primary"]["gap"]
        kimg, loss = series(study.log("gan"), "kimg", "loss_generator")

    Needs none of the packages that the study ran with. What is optional and absent is
    None or empty, and its path is noted in `missing`.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self._missing: dict[str, None] = {}  # an ordered set

    @property
    def missing(self) -> tuple[str, ...]:
        """Files that were looked for in vain, in the order of the stages."""
        order = {name: place for place, name in enumerate(STAGES)}
        stages = {path: path.partition("/")[0] for path in self._missing}
        return tuple(
            sorted(stages, key=lambda path: order.get(stages[path], len(order)))
        )

    def results(self) -> dict[str, Any]:
        """Return evaluate/results.json: every number that the study measured.

        Raises:
          StudyError: it is missing, damaged, or lacks a key of REQUIRED.
        """
        path = self.folder / "evaluate" / "results.json"
        if not path.exists():
            raise StudyError(
                f"{path} is missing: run python -m launch.evaluate with the same "
                "--config and --workdir first"
            )
        results = read_json(path, remedy="run the evaluate stage again")
        absent = [key for key in REQUIRED if key not in dict(results)]
        if absent:
            raise StudyError(
                f"{path} has no {', '.join(absent)}: run the evaluate stage again"
            )
        return results

    def stages(self) -> dict[str, dict[str, Any]]:
        """Return stage.json of each stage before the report, in the stages' order.

        Each has the stage's config, inputs, status, seconds and versions.
        """
        records = {
            name: self.json(name, "stage.json") for name in STAGES["report"].reads
        }
        return {name: record for name, record in records.items() if record is not None}

    def source(self) -> str | None:
        """Return the name of the data source, or None where it is not recorded."""
        record = self.optional_json("data", "stage.json") or {}
        return record.get("config", {}).get("source")

    def is_simulated(self) -> bool:
        """Return whether the images called real were rendered: a phantom's."""
        return str(self.source()).startswith("phantom")

    def data_card(self) -> dict[str, Any] | None:
        """Return data/splits.json: patients, images and labels of each split."""
        return self.json("data", "splits.json")

    def provenance(self) -> dict[str, Any] | None:
        """Return synth/provenance.json: where the synthetic images come from."""
        return self.json("synth", "provenance.json")

    def gates(self) -> list[dict[str, Any]]:
        """Return the limits that were set before the run, each with what was found."""
        record = self.optional_json("evaluate", "gates.json")
        return record["gates"] if record else []

    def json(self, *parts: str) -> Any:
        """Return a JSON file; None, and noted in `missing`, if there is none."""
        content = self.optional_json(*parts)
        if content is None:
            self._note("/".join(parts))
        return content

    def optional_json(self, *parts: str) -> Any:
        """Return a JSON file that a whole study may lack, or None."""
        path = self.folder.joinpath(*parts)
        return read_json(path) if path.exists() else None

    def log(self, *parts: str) -> LogLines:
        """Return the lines of a metrics.jsonl, without a half-written last one."""
        path = self.folder.joinpath(*parts, "metrics.jsonl")
        if not path.exists():
            self._note("/".join([*parts, "metrics.jsonl"]))
            return []
        return read_json_lines(path)

    def classifier_logs(self) -> dict[str, list[LogLines]]:
        """Return the log of every training seed of both arms that are compared."""
        logs: dict[str, list[LogLines]] = {}
        for arm in COMPARED_ARMS:
            folders = (self.folder / "classifier" / arm).glob("seed*")
            seeds = sorted(folders, key=lambda path: (len(path.name), path.name))
            logs[arm] = [self.log("classifier", arm, seed.name) for seed in seeds]
            if not seeds:
                self._note(f"classifier/{arm}/")
        return logs

    def image(self, *parts: str) -> Path | None:
        """Return an image's path; None, and noted in `missing`, if there is none."""
        path = self.folder.joinpath(*parts)
        if path.exists():
            return path
        self._note("/".join(parts))
        return None

    def sample_grids(self, max_count: int) -> list[Path]:
        """Return grids of generated images (<kimg>.png), the first and last among them.

        Args:
          max_count: return no more than that many, evenly spaced.
        """
        folder = self.folder / "gan" / "samples"
        grids = (path for path in folder.glob("*.png") if path.stem.isdecimal())
        paths = sorted(grids, key=lambda path: int(path.stem))
        if not paths:
            self._note("gan/samples/")
        if len(paths) <= max_count or max_count == 1:
            return paths[-max_count:]
        last = len(paths) - 1
        picked = {round(i * last / (max_count - 1)) for i in range(max_count)}
        return [paths[i] for i in sorted(picked)]

    def _note(self, path: str) -> None:
        self._missing[path] = None


def series(lines: LogLines, axis: str, name: str) -> tuple[list[float], list[float]]:
    """Return x and y of the lines that have a finite value of `name`.

    Args:
      lines: of a metrics.jsonl.
      axis: key of x, such as "kimg" or "step".
      name: key of y.
    """
    pairs = [
        (line[axis], line[name])
        for line in lines
        if line.get(name) is not None and line.get(axis) is not None
    ]
    return [x for x, _ in pairs], [y for _, y in pairs]
