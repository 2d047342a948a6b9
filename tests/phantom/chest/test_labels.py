"""The labels of the phantom chest: their names, how they follow, how often they are."""

import numpy as np

from synthjax.phantom.chest.labels import LABELS, OPACITIES, draw_label, prevalence


def test_labels_are_the_fourteen_of_chexpert_in_order():
    assert LABELS == (
        "No Finding",
        "Enlarged Cardiomediastinum",
        "Cardiomegaly",
        "Lung Opacity",
        "Lung Lesion",
        "Edema",
        "Consolidation",
        "Pneumonia",
        "Atelectasis",
        "Pneumothorax",
        "Pleural Effusion",
        "Pleural Other",
        "Fracture",
        "Support Devices",
    )


def test_derived_labels_follow_from_the_others():
    rng = np.random.default_rng(0)
    for _ in range(3000):
        _, label = draw_label(rng)
        value = dict(zip(LABELS, label, strict=True))
        findings = [value[name] for name in LABELS[1:-1]]
        assert value["No Finding"] == float(not any(findings))
        if any(value[name] for name in OPACITIES):
            assert value["Lung Opacity"] == 1


def test_prevalences_are_the_stated_ones_and_none_is_rare():
    exact = prevalence()
    assert exact.min() > 0.07 and exact.max() < 0.6
    rng = np.random.default_rng(1)
    drawn = np.mean([draw_label(rng)[1] for _ in range(6000)], axis=0)
    error = np.sqrt(exact * (1 - exact) / 6000)
    assert np.all(np.abs(drawn - exact) < 4 * error)
