"""What the evaluation is told."""

import dataclasses

from synthjax.core.errors import ConfigError
from synthjax.evaluate.attribution.attribution import AttributionConfig
from synthjax.evaluate.fidelity.config import FidelityConfig
from synthjax.evaluate.neighbours.neighbours import NeighboursConfig


@dataclasses.dataclass(frozen=True)
class EvaluateConfig:
    """How the gap is measured."""

    replicates: int = 2000  # bootstrap replicates
    level: float = 0.95  # coverage of the intervals, between 0 and 1
    margin: float = 0.05  # loss of mean AUROC that would matter, chosen before, 0..1
    specificity: float = 0.9  # at which sensitivities are compared, between 0 and 1
    calibration_bins: int = 15  # bins of equal mass of the calibration curve
    age_bands: tuple[float, ...] = (40.0, 60.0, 80.0)  # first years of all but one band
    roc_points: int = 51  # points of each ROC curve, 2 to 100
    grid_rows: int = 6  # images of each label combination in the grids
    fidelity: FidelityConfig = dataclasses.field(
        default_factory=FidelityConfig
    )  # which features are compared
    neighbours: NeighboursConfig = dataclasses.field(
        default_factory=NeighboursConfig
    )  # real training images nearest to synthetic ones
    attribution: AttributionConfig = dataclasses.field(
        default_factory=AttributionConfig
    )  # where the classifiers look

    def __post_init__(self) -> None:
        for name, least in (
            ("replicates", 2),
            ("calibration_bins", 2),
            ("grid_rows", 1),
        ):
            if getattr(self, name) < least:
                raise ConfigError(
                    f"{name}={getattr(self, name)}: must be at least {least}"
                )
        for name in ("level", "margin", "specificity"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigError(
                    f"{name}={getattr(self, name)}: must be between 0 and 1"
                )
        if list(self.age_bands) != sorted({*self.age_bands, 0.0} - {0.0}):
            raise ConfigError(
                f"age_bands={self.age_bands}: must be rising years above 0"
            )
        if not 2 <= self.roc_points <= 100:
            raise ConfigError(f"roc_points={self.roc_points}: must be from 2 to 100")
