"""Sampling by label combinations."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedShuffleSplit

from synthjax.data.cohorts.combinations import stratified_sample


@settings(deadline=None, max_examples=40)
@given(
    counts=st.lists(st.integers(2, 30), min_size=1, max_size=12),
    share=st.floats(0.2, 0.8),
    seed=st.integers(0, 2**32 - 1),
)
def test_stratified_as_scikit_learn_draws(counts, share, seed):
    total = sum(counts)
    size = int(share * total)
    stratum = np.repeat(np.arange(len(counts)), counts)
    np.random.RandomState(seed).shuffle(stratum)
    ours = stratified_sample(stratum, size, np.random.RandomState(seed))
    if not len(counts) <= size <= total - len(counts):
        assert len(set(ours.tolist())) == size  # scikit-learn refuses, we do not
        return
    theirs = StratifiedShuffleSplit(
        1, train_size=size, test_size=total - size, random_state=seed
    )
    train, _ = next(theirs.split(stratum, stratum))
    assert sorted(ours.tolist()) == sorted(train.tolist())


def test_stratified_takes_all_if_all_are_asked_for():
    stratum = np.array([0, 1, 1, 2])
    drawn = stratified_sample(stratum, 4, np.random.RandomState(0))
    assert sorted(drawn.tolist()) == [0, 1, 2, 3]
