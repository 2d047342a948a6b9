"""The section config.evaluate."""

import dataclasses

from synthjax.core.config import Config, field
from synthjax.core.errors import ConfigError
from synthjax.evaluate.attribution.config import AttributionConfig
from synthjax.evaluate.fidelity.config import FidelityConfig
from synthjax.evaluate.neighbours.config import NeighboursConfig


@dataclasses.dataclass(frozen=True)
class EvaluateConfig(Config):
    """How the gap is measured."""

    replicates: int = field(
        2000, "draws of patients, from which intervals are made", ge=2
    )
    level: float = field(0.95, "coverage of the intervals", gt=0, lt=1)
    margin: float = field(
        0.05, "loss of mean AUROC that would matter, chosen before the run", gt=0, lt=1
    )
    specificity: float = field(
        0.9, "specificity at which sensitivities are compared", gt=0, lt=1
    )
    calibration_bins: int = field(
        15, "bins of equally many images of the calibration curve", ge=2
    )
    age_bands: tuple[float, ...] = field(
        (40.0, 60.0, 80.0),
        "ages in years, rising, at which a group of patients ends and the next begins",
        gt=0,
    )
    roc_points: int = field(51, "points of each ROC curve", ge=2, le=100)
    grid_rows: int = field(
        6, "images of each label combination in the sheets of images", ge=1
    )
    fidelity: FidelityConfig = field(  # noqa: RUF009
        FidelityConfig, "how alike real and synthetic images are"
    )
    neighbours: NeighboursConfig = field(  # noqa: RUF009
        NeighboursConfig, "which training images are nearest to synthetic ones"
    )
    attribution: AttributionConfig = field(  # noqa: RUF009
        AttributionConfig, "where the classifiers look"
    )

    def check(self) -> None:
        """Raise ConfigError unless the age bands rise."""
        if list(self.age_bands) != sorted(set(self.age_bands)):
            raise ConfigError(f"age_bands={self.age_bands}: must be rising ages")
