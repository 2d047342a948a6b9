"""By simulation: does the gap's interval hold, and how often is a claim wrong.

Patients have 1 to 40 images, most of them few (a Pareto law with exponent 1.2), and one
label. Scores are unit normals, of which a share is the patient's in both arms and a share
the patient's in one; a positive is shifted by d plus what that training seed happened to
learn, N(0, tau^2). The AUROC expected over patients and seeds is then
Phi(d / sqrt(2 + tau^2)). The gap is the margin itself, where a claim that it is smaller
is just false: at a level of 95 % one in forty is allowed.

The variance by the patients is that of `patient_influence`, which the bootstrap of a
study estimates by draws.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import norm

from synthjax.core.table import format_table
from synthjax.statistics.delong import patient_influence
from synthjax.statistics.noninferiority import MIN_PATIENTS
from synthjax.statistics.patient_counts import count_patients
from synthjax.statistics.seed_patient_variance import Estimate, estimate_from_covariance

LEVEL, MARGIN = 0.95, 0.05
AREAS = (0.92, 0.92 - MARGIN)  # expected AUROC of the real and the synthetic arm
SHARES = (
    0.3,
    0.2,
    0.5,
)  # of the variance: the patient's, the patient's in an arm, noise
# tau of the real and the synthetic arm; "some" is a standard deviation of the AUROC of
# 0.005 and 0.023, "much" of 0.010 and 0.045.
SPREADS = {"none": (0.0, 0.0), "some": (0.05, 0.15), "much": (0.1, 0.3)}
MOST_IMAGES, TAIL = 40, 1.2


@dataclasses.dataclass(frozen=True)
class Cell:
    """One setting of the simulation."""

    patients: int
    seeds: int  # of each arm
    prevalence: float  # share of the patients who have the finding
    spread: str  # of the training seeds, a key of SPREADS


@dataclasses.dataclass(frozen=True)
class CellResult:
    """What became of the intervals of a cell."""

    cell: Cell
    covered: float  # share of intervals that hold the true gap
    claimed: float  # share whose upper end is below the margin, which is false
    width: float  # mean, as a multiple of that of a normal interval of known variance
    no_verdict: float  # share with too few patients, of which nothing is claimed


# Of a finding that one patient in twenty has, 50 patients have none too often.
CELLS = [
    Cell(patients, seeds, prevalence, spread)
    for patients, seeds, spread in itertools.product(
        (50, 300, 1800), (2, 3, 5), SPREADS
    )
    for prevalence in (0.3, 0.1 if patients == 50 else 0.05)
]


def draw_trial(
    cell: Cell, generator: np.random.Generator
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "2 s n"], Int[np.ndarray, " n"]]:
    """Draw a test set and the scores of both arms' networks.

    Returns:
        Label of each image; scores of each arm and seed; patient of each image.
    """
    sizes = np.floor(generator.random(cell.patients) ** (-1 / TAIL))
    sizes = np.minimum(sizes, MOST_IMAGES).astype(int)
    has = np.zeros(cell.patients)
    while not 0 < has.sum() < cell.patients:
        has = (generator.random(cell.patients) < cell.prevalence).astype(float)
    patient = np.repeat(np.arange(cell.patients), sizes)
    label = has[patient]
    both, *own = generator.normal(size=(3, cell.patients))[:, patient]
    score = np.sqrt(SHARES[2]) * generator.normal(size=(2, cell.seeds, len(label)))
    for arm, tau in enumerate(SPREADS[cell.spread]):
        shift = norm.ppf(AREAS[arm]) * np.sqrt(2 + tau**2)
        learned = shift + tau * generator.normal(size=(cell.seeds, 1))
        score[arm] += np.sqrt(SHARES[0]) * both + np.sqrt(SHARES[1]) * own[arm]
        score[arm] += learned * label
    return label, score, patient


def estimate_gap(
    label: Float[np.ndarray, " n"],
    score: Float[np.ndarray, "2 s n"],
    patient: Int[np.ndarray, " n"],
) -> Estimate:
    """Estimate the gap of a trial as a study does, but for the draws of patients."""
    seeds = score.shape[1]
    area, influence = patient_influence(label, score.reshape(2 * seeds, -1), patient)
    counts = count_patients(label[:, None], patient)
    covariance = influence @ influence.T
    return estimate_from_covariance([area[:seeds], area[seeds:]], covariance, counts)


def simulate(cell: Cell, trials: int, seed: int = 0) -> CellResult:
    """Draw and estimate `trials` studies of a cell."""
    order = CELLS.index(cell) if cell in CELLS else len(CELLS)
    generator = np.random.default_rng([seed, order])
    gaps, ends, few = [], [], 0
    for _ in range(trials):
        found = estimate_gap(*draw_trial(cell, generator))
        interval = found.share_interval(LEVEL)
        gaps.append(found.value)
        ends.append((interval.low, interval.high))
        few += found.patients.rarest < MIN_PATIENTS
    low, high = np.array(ends).T
    ideal = 2 * norm.ppf((1 + LEVEL) / 2) * np.std(gaps)
    return CellResult(
        cell,
        covered=float(np.mean((low <= MARGIN) & (high >= MARGIN))),
        claimed=float(np.mean(high < MARGIN)),
        width=float(np.mean(high - low) / ideal),
        no_verdict=few / trials,
    )


def format_coverage(results: Iterable[CellResult], *, markdown: bool = False) -> str:
    """Return a row for each cell."""
    headers = (
        *("patients", "seeds", "with the finding", "spread of seeds"),
        *("coverage", "wrong claims %", "width / ideal", "no verdict %"),
    )
    return format_table(headers, map(_row, results), markdown=markdown)


def _row(result: CellResult) -> Sequence[str]:
    cell = result.cell
    return (
        f"{cell.patients:,}",
        str(cell.seeds),
        f"{100 * cell.prevalence:g} %",
        cell.spread,
        f"{result.covered:.3f}",
        f"{100 * result.claimed:.1f}",
        f"{result.width:.2f}",
        f"{100 * result.no_verdict:.0f}",
    )
