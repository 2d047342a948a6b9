"""What every measure of an evaluation is given."""

import dataclasses
import functools
from pathlib import Path

from synthjax.core.devices import Devices
from synthjax.data.dataset import Dataset
from synthjax.data.store.loader import Table


@dataclasses.dataclass(frozen=True)
class Inputs:
    """The sets and classifiers of a study, opened once, and how they are measured."""

    real: Dataset
    synthetic: Dataset
    classifier: Path  # the classifier stage's directory: <arm>/seed<k>
    seed: int  # of the study; every draw depends on it
    level: float  # coverage of the intervals
    replicates: int  # draws of patients, where an interval is a bootstrap's
    out: Path  # each measure writes its pictures in a folder of its own in it
    devices: Devices

    @classmethod
    def open(
        cls,
        *,
        data: Path,
        synth: Path,
        classifier: Path,
        seed: int,
        level: float,
        replicates: int,
        out: Path,
        devices: Devices,
    ) -> "Inputs":
        """Open the real set `data` and the synthetic set `synth`.

        Raises:
            StudyError: one of them is missing or not finished.
        """
        return cls(
            real=Dataset.open(data),
            synthetic=Dataset.open(synth),
            classifier=classifier,
            seed=seed,
            level=level,
            replicates=replicates,
            out=out,
            devices=devices,
        )

    @functools.cached_property
    def test(self) -> Table:
        """Return the real test images in memory, by ascending id."""
        return self.real.table("test")
