"""What an average over images rests on, when patients have unequally many."""

import numpy as np
import pytest

from synthjax.statistics.patient_counts import count_patients


def columns(*labels):
    return np.array(labels, float).T


def test_equal_patients_are_counted_as_they_are() -> None:
    label = columns([1] * 20 + [0] * 60)
    patient = np.arange(80) // 2
    found = count_patients(label, patient)
    assert found.rarest == 10
    # Variances 1/10 and 1/30 of the classes, with 9 and 29 degrees of freedom.
    df = (1 / 10 + 1 / 30) ** 2 / (1 / 10**2 / 9 + 1 / 30**2 / 29)
    assert found.df == pytest.approx(df)
    parts = np.array([1 / 10, 1 / 30])
    assert found.inflation == pytest.approx(parts.sum() / (parts - parts**2).sum())
    assert found.unseen == pytest.approx(1 / 11)
    assert found.var_unseen == pytest.approx(0.25 / 11**2)
    assert count_patients(label, patient.astype(str)) == found


def test_one_patient_with_most_images_is_less_than_many() -> None:
    sizes = np.array([40] + [1] * 19)
    patient = np.repeat(np.arange(40), np.tile(sizes, 2))
    label = columns(patient < 20)
    found = count_patients(label, patient)
    alike = count_patients(columns(np.arange(40) < 20), np.arange(40))
    assert found.rarest == alike.rarest == 20
    assert found.inflation > 2 * alike.inflation


def test_the_correction_is_that_of_the_expected_squares() -> None:
    """Where a patient's images are alike, squared deviations from the class's mean."""
    generator = np.random.default_rng(0)
    sizes = generator.integers(1, 20, (2, 8))
    patient = np.repeat(np.arange(16), sizes.ravel())
    found = count_patients(columns(patient < 8), patient)
    shares = sizes / sizes.sum(axis=1, keepdims=True)
    own = generator.normal(size=(200_000, 2, 8))
    means = (own * shares).sum(axis=2, keepdims=True)
    squares = ((shares * (own - means)) ** 2).sum(axis=(1, 2)).mean()
    truth = means[..., 0].var(axis=0).sum()
    assert truth / squares == pytest.approx(found.inflation, rel=0.02)


def test_the_same_patients_in_two_findings_count_once() -> None:
    one = columns([1] * 10 + [0] * 30)
    twice = count_patients(np.hstack([one, one]), np.arange(40))
    alone = count_patients(one, np.arange(40))
    assert twice.df == pytest.approx(alone.df)
    assert twice.unseen == pytest.approx(alone.unseen) == pytest.approx(1 / 11)
    others = count_patients(np.hstack([one, one[::-1]]), np.arange(40))
    assert others.df > 1.5 * alone.df
    assert others.unseen == pytest.approx(1 / 21)
    undefined = np.hstack([one, np.zeros_like(one), np.full_like(one, np.nan)])
    assert count_patients(undefined, np.arange(40)) == alone


def test_few_and_none() -> None:
    lone = count_patients(columns([1] + [0] * 9), np.arange(10))
    assert (lone.rarest, lone.df) == (1, 1.0)
    assert np.isfinite(lone.inflation) and lone.inflation > 1
    pair = count_patients(columns([1, 0]), np.arange(2))
    assert (pair.rarest, pair.df, pair.inflation) == (1, 1.0, 1.0)
    none = count_patients(columns([0, 0, np.nan]), np.arange(3))
    assert none.rarest == 0
    known = count_patients(columns([0, 0, np.nan]), np.arange(3), by_class=False)
    assert known.rarest == 2
