"""What the evaluation is told."""

import dataclasses

from synthjax.core.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class EvaluateConfig:
    """How the gap is measured."""

    replicates: int = 2000  # bootstrap replicates
    level: float = 0.95  # coverage of the intervals, between 0 and 1
    roc_points: int = 51  # points of each ROC curve, 2 to 100
    grid_rows: int = 6  # images of each label combination in the grids

    def __post_init__(self) -> None:
        if self.replicates < 1:
            raise ConfigError(f"replicates={self.replicates}: must be at least 1")
        if not 0 < self.level < 1:
            raise ConfigError(f"level={self.level}: must be between 0 and 1")
        if not 2 <= self.roc_points <= 100:
            raise ConfigError(f"roc_points={self.roc_points}: must be from 2 to 100")
        if self.grid_rows < 1:
            raise ConfigError(f"grid_rows={self.grid_rows}: must be at least 1")
