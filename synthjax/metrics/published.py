"""FID and KID as the literature has them, of features as an encoder gives them.

The definitions are those of torch-fidelity (https://github.com/toshas/torch-fidelity,
metric_fid.py and metric_kid.py), so that the numbers compare with published ones. The
project's own `frechet` and `kid` are of scaled features in fewer axes, with intervals.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from synthjax.metrics.frechet import Moments, bias_warning, frechet_distance

KID_SUBSETS = 100
KID_SUBSET_SIZE = 1000
_KID_SEED = 2020


@dataclass(frozen=True)
class Kid:
    """The mean over random subsets, and their spread."""

    mean: float
    deviation: float  # standard deviation over the subsets
    subset_size: int


def moments(features: Float[np.ndarray, "n d"]) -> Moments:
    """Return mean and covariance (divided by n - 1) in float64, in chunks of images."""
    mean = features.mean(axis=0, dtype=np.float64)
    scatter = np.zeros((len(mean), len(mean)))
    for at in range(0, len(features), 4096):
        off = features[at : at + 4096].astype(np.float64) - mean
        scatter += off.T @ off
    return Moments(len(features), mean, scatter / max(1, len(features) - 1))


def fid(
    real: Float[np.ndarray, "n d"], synthetic: Float[np.ndarray, "m d"]
) -> tuple[float, str]:
    """Return the Fréchet distance of raw features, and a warning where it is biased.

    Heusel et al. 2017 (arXiv:1706.08500), eq. 6.
    """
    distance = frechet_distance(moments(real), moments(synthetic), biased=True)
    return distance, bias_warning(min(len(real), len(synthetic)), real.shape[1])


def published_kid(
    real: Float[np.ndarray, "n d"],
    synthetic: Float[np.ndarray, "m d"],
    *,
    subsets: int = KID_SUBSETS,
    subset_size: int = KID_SUBSET_SIZE,
) -> Kid:
    """Return the unbiased squared maximum mean discrepancy, a mean over subsets.

    Kernel (x.y / d + 1)^3: Bińkowski et al. 2018 (arXiv:1801.01401), section 4. The
    subsets are those that torch-fidelity draws by default.

    Args:
        real: raw features.
        synthetic: of the same encoder.
        subsets: how many.
        subset_size: images of each; fewer where a set has fewer.
    """
    size = min(subset_size, len(real), len(synthetic))
    draw = np.random.RandomState(_KID_SEED)
    values = []
    for _ in range(subsets):
        first = synthetic[draw.choice(len(synthetic), size, replace=False)]
        second = real[draw.choice(len(real), size, replace=False)]
        values.append(_discrepancy(first, second))
    return Kid(float(np.mean(values)), float(np.std(values)), size)


def _discrepancy(
    first: Float[np.ndarray, "k d"], second: Float[np.ndarray, "k d"]
) -> float:
    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a @ b.T / a.shape[1] + 1) ** 3

    def mean_of_pairs(table: np.ndarray) -> float:
        table, count = table.astype(np.float64), len(table)
        return float((table.sum() - np.trace(table)) / (count * (count - 1)))

    within = mean_of_pairs(kernel(first, first)) + mean_of_pairs(kernel(second, second))
    return within - 2 * float(kernel(first, second).mean(dtype=np.float64))
