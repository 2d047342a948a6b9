"""The gap in one call: against DeLong's variance, a known truth, and what it refuses."""

import jaxtyping
import numpy as np
import pytest
from scipy.stats import norm

from synthjax.statistics.delong import delong
from synthjax.statistics.gap import gap_interval


def draw(generator, *, seeds=1, patients=150, images=1, labels=1, tau=0.0, areas):
    """Binormal scores; the AUROC expected over seeds is that of `areas` in each arm.

    Half of the variance is the patient's own and the same in both arms; each network
    learned to separate the classes by d + N(0, tau^2): its AUROC is Phi(d / sqrt(2)).
    """
    patient = np.repeat(np.arange(patients), images)
    label = generator.integers(0, 2, (patients, labels)).astype(float)[patient]
    own = generator.normal(size=(patients, labels))[patient]
    arms = []
    for area in areas:
        d = norm.ppf(area) * np.sqrt(2 + tau**2)
        learned = d + tau * generator.normal(size=(seeds, 1, labels))
        noise = generator.normal(size=(seeds, *label.shape))
        arms.append(learned * label + np.sqrt(0.5) * own + np.sqrt(0.5) * noise)
    return label, *arms, patient.astype(str)


@pytest.mark.slow
def test_one_seed_of_single_images_is_delongs_interval() -> None:
    """Where its assumptions hold: the same gap, and the same error to the bootstrap's."""
    generator = np.random.default_rng(0)
    label, real, synthetic, patient = draw(generator, areas=(0.85, 0.78))
    found = gap_interval(label, real, synthetic, patient)
    pair = np.stack([real[0, :, 0], synthetic[0, :, 0]])
    expected, p = delong(label[:, 0], pair).difference(0.95)
    assert found.gap == pytest.approx(expected.value, abs=1e-12)
    variance = np.array([1, -1]) @ delong(label[:, 0], pair).covariance @ [1, -1]
    error = found.estimate.standard_error / variance**0.5
    assert error == pytest.approx(1, abs=0.04)
    # The normal interval of DeLong's test takes no account of the area's skewness.
    assert 1 < (found.high - found.low) / (expected.high - expected.low) < 1.12
    assert found.p_different == pytest.approx(p, abs=0.01)
    assert found.real.value - found.synthetic.value == pytest.approx(found.gap)
    assert np.isnan(found.estimate.var_seeds).all()


@pytest.mark.slow
def test_it_says_what_it_rests_on_and_leaves_undefined_labels_out() -> None:
    generator = np.random.default_rng(1)
    label, real, synthetic, patient = draw(
        generator, seeds=3, images=2, patients=60, labels=3, areas=(0.9, 0.8)
    )
    label[:, 1] = 0
    label[:5, 0] = np.nan
    options = {"replicates": 100, "level": 0.9}
    found = gap_interval(label, real, synthetic[:2], patient, **options)
    assert (found.labels, found.images, found.patients) == (2, 120, 60)
    assert (found.seeds, found.level) == ((3, 2), 0.9)
    without = gap_interval(
        label[:, [0, 2]],
        real[..., [0, 2]],
        synthetic[:2, :, [0, 2]],
        patient,
        **options,
    )
    assert without == found
    again = gap_interval(label, real, synthetic[:2], patient, seed=1, **options)
    assert again.gap == found.gap
    assert again.low != found.low


@pytest.mark.slow
def test_the_same_networks_have_no_gap() -> None:
    label, real, _, patient = draw(np.random.default_rng(2), seeds=2, areas=(0.8, 0.8))
    found = gap_interval(label, real, real, patient, replicates=50)
    assert (found.gap, found.p_different) == (0, 1)
    assert found.p_noninferior(0.02) < 0.5


@pytest.mark.slow
def test_interval_covers_the_truth_and_noninferiority_keeps_its_size() -> None:
    """At the margin itself, where a claim of non-inferiority is just false."""
    generator = np.random.default_rng(3)
    trials, margin = 300, 0.05
    inside = claimed = 0
    for _ in range(trials):
        sample = draw(
            generator,
            seeds=3,
            patients=40,
            images=2,
            tau=0.35,
            areas=(0.85, 0.85 - margin),
        )
        found = gap_interval(*sample, replicates=150)
        inside += found.low <= margin <= found.high
        p = found.p_noninferior(margin)
        claimed += p < 0.025
        assert (p < 0.025) == (found.high < margin)
    assert 0.93 <= inside / trials <= 0.995, inside
    assert claimed / trials <= 0.035, claimed


def test_what_does_not_fit_is_refused(monkeypatch) -> None:
    # Where shapes are checked at run time, that would refuse them first.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    label, real, synthetic, patient = draw(np.random.default_rng(4), areas=(0.8, 0.8))
    with pytest.raises(ValueError, match=r"label \(150,\) must be \[images, labels\]"):
        gap_interval(label[:, 0], real, synthetic, patient)
    with pytest.raises(ValueError, match=r"patient_id \(149,\) must have one entry"):
        gap_interval(label, real, synthetic, patient[1:])
    with pytest.raises(ValueError, match=r"synthetic_logits \(1, 149, 1\) must be"):
        gap_interval(label, real, synthetic[:, 1:], patient)
    with pytest.raises(ValueError, match="must hold 0, 1 and"):
        gap_interval(label - 1, real, synthetic, patient)
    with pytest.raises(ValueError, match="real_logits must be finite"):
        gap_interval(label, real * np.inf, synthetic, patient)
    with pytest.raises(ValueError, match="no positive image among 150"):
        gap_interval(label * 0, real, synthetic, patient)
