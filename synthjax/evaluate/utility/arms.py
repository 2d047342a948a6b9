"""Every arm beside the real one, and the classifiers on synthetic test images."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from synthjax.core import rng
from synthjax.evaluate.config import EvaluateConfig
from synthjax.evaluate.predictions import Predictions
from synthjax.evaluate.results.arms import Arm, LabelOnSynthetic, OnSynthetic
from synthjax.evaluate.utility.labels import count_known
from synthjax.statistics.bootstrap import draw_patients, mean_over_labels, resample
from synthjax.statistics.interval import Interval
from synthjax.statistics.patient_counts import count_patients
from synthjax.statistics.roc import undefined_reason
from synthjax.statistics.seed_patient_variance import estimate


def list_arms(
    config: EvaluateConfig,
    predictions: Predictions,
    means: Mapping[str, Float[np.ndarray, "s draws"]],
) -> tuple[Arm, ...]:
    """Return the mean AUROC of every arm on real test images, and its loss to real.

    Args:
        config: the section config.evaluate.
        predictions: of all arms.
        means: of each arm the mean AUROC of each seed in the sample and the draws.
    """
    test = predictions.test
    patients = count_patients(test.label, test.patient_id)
    arms = []
    for name, mean in means.items():
        gap = Interval(0.0, 0.0, 0.0)  # of the real arm to itself
        if name != "real":
            loss = estimate(means["real"], mean, patients=patients)
            gap = loss.share_interval(config.level)
        arms.append(
            Arm(
                name=name,
                mean=estimate(mean, patients=patients).share_interval(config.level),
                gap_to_real=gap,
                seeds=len(mean),
                n_train=predictions.n_train[name],
            )
        )
    return tuple(arms)


def measure_on_synthetic(
    config: EvaluateConfig,
    predictions: Predictions,
    arm: str,
    seed: int,
) -> OnSynthetic | None:
    """Measure the AUROC of an arm on synthetic test images against their labels.

    Of real-trained classifiers it is the label fidelity: whether a finding that was
    requested is one that a classifier of real images sees.

    Returns:
        None if the arm has no predictions of synthetic images.
    """
    synthetic = predictions.synthetic
    if synthetic is None or arm not in synthetic.logit:
        return None
    # Of one stream for all arms: each is measured in the same draws.
    generator = rng.host_generator(seed, "synthetic test patients")
    draws = draw_patients(synthetic.patient_id, config.replicates, generator)
    areas = resample(synthetic.label, synthetic.logit[arm], draws).auroc
    labels = []
    for y, name in enumerate(predictions.names):
        column = synthetic.label[:, y]
        n_positive, n = count_known(column)
        reason = undefined_reason(column)
        if reason is not None:
            labels.append(
                LabelOnSynthetic(
                    name=name, auroc=None, n_positive=n_positive, n=n, undefined=reason
                )
            )
            continue
        patients = count_patients(synthetic.label[:, [y]], synthetic.patient_id)
        area = estimate(areas[:, y], patients=patients).share_interval(config.level)
        labels.append(
            LabelOnSynthetic(name=name, auroc=area, n_positive=n_positive, n=n)
        )
    patients = count_patients(synthetic.label, synthetic.patient_id)
    mean = estimate(mean_over_labels(areas), patients=patients)
    return OnSynthetic(mean=mean.share_interval(config.level), labels=tuple(labels))
