"""By simulation: the gap's interval covers the truth, non-inferiority is rarely wrong.

Scores are unit normals, of which part is the patient's own in both images and in both
arms; a positive is shifted by d plus what that training seed happened to get,
N(0, tau^2). The AUROC expected over seeds is then Phi(d / sqrt(2 + tau^2)).
"""

import numpy as np
import pytest
from scipy.stats import norm

from synthjax.statistics.bootstrap import draw_patients, resample
from synthjax.statistics.roc import on_host_device
from synthjax.statistics.seed_patient_variance import estimate

TRIALS, PATIENTS, LEVEL, MARGIN = 600, 40, 0.95, 0.05
PATIENT = np.repeat(np.arange(PATIENTS), 2).astype(str)
TAU = {"equal": 0.0, "unequal": 0.35}


def shift(area: float, tau: float) -> float:
    """The d of an expected AUROC."""
    return float(norm.ppf(area) * np.sqrt(2 + tau**2))


def draw(generator, tau: float, seeds: int, gap: float):
    """[n t] labels of all trials and [arm s n t] scores with a true gap."""
    truth = np.repeat(generator.integers(0, 2, (PATIENTS, TRIALS)), 2, axis=0)
    shape = (3, PATIENTS, TRIALS)
    both, *own = np.repeat(generator.normal(size=shape), 2, axis=1)
    noise = generator.normal(size=(2, seeds, *truth.shape))
    score = np.sqrt(0.4) * both + np.sqrt(0.2) * noise
    for a, area in enumerate((0.85, 0.85 - gap)):
        learned = shift(area, tau) + tau * generator.normal(size=(seeds, 1, TRIALS))
        score[a] += learned * truth + np.sqrt(0.4) * own[a]
    return truth.astype(float), score


@pytest.mark.slow
@pytest.mark.parametrize("training", ["equal", "unequal"])
def test_interval_covers_and_noninferiority_keeps_its_size(training) -> None:
    """At the margin itself, where a claim of non-inferiority is just false."""
    generator = np.random.default_rng(1)
    label, score = draw(generator, TAU[training], seeds=3, gap=MARGIN)
    multiplicity = on_host_device(draw_patients(PATIENT, 150, generator))
    areas = [resample(label, arm, multiplicity).auroc for arm in score]
    inside = claimed = 0
    for real, synthetic in zip(*(np.swapaxes(arm, 0, 1) for arm in areas), strict=True):
        found = estimate(real, synthetic, n_effective=PATIENTS)
        interval, p = found.interval(LEVEL), found.p_below(MARGIN)
        inside += interval.low <= MARGIN <= interval.high
        claimed += p <= (1 - LEVEL) / 2
        assert (interval.high < MARGIN) == (p < (1 - LEVEL) / 2)
    print(training, inside / TRIALS, claimed / TRIALS)
    assert 0.93 <= inside / TRIALS <= 0.97, inside / TRIALS
    assert claimed / TRIALS <= 0.05, claimed / TRIALS
