"""Whether classifiers trained on real and on synthetic images look at the same places.

For real test images with a finding, maps of what the finding's logit rests on: of the
real-trained classifier, of the synthetic-trained one, and of a second real-trained one.
The agreement of the first two says what training on synthetic images changed only beside
that of the first and the third, which another seed of the same training changes too.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from synthjax.classifier.predict import load_classifier
from synthjax.core import rng
from synthjax.core.clock import say
from synthjax.evaluate.attribution.agreement import compare_maps, rank_correlation
from synthjax.evaluate.attribution.choice import Chosen, choose, describe_choice
from synthjax.evaluate.attribution.config import AttributionConfig
from synthjax.evaluate.attribution.maps import (
    Explained,
    Maps,
    fill_colour,
    gradient_maps,
    occlusion_maps,
)
from synthjax.evaluate.attribution.pictures import ShownMaps, write_pictures
from synthjax.evaluate.inputs import Inputs
from synthjax.evaluate.results.attribution import (
    Attribution,
    GradientAgreement,
    LabelAgreement,
    MapAgreement,
)
from synthjax.statistics.bootstrap import draw_patients
from synthjax.statistics.interval import Interval

FOLDER = "attribution"  # of the pictures


def measure_attribution(
    config: AttributionConfig, inputs: Inputs
) -> Attribution | None:
    """Measure how well the maps of two trainings agree, and draw some of them.

    The agreement of two maps is Spearman's correlation over the patches; of two
    trainings, its mean over images, with an interval over the patients.
    Seed 0 of the real arm is compared with the second seed of the synthetic arm, and as
    the control with the second of the real arm: seed k starts from the same parameters
    in each arm, so neither pair has its start in common, and the two others do.

    Returns:
        None if `config.images` is 0 or no test image has a finding. The control is None
        where the arm has one seed.

    Raises:
        StudyError: a set or a classifier is missing.
        ConfigError: more patches than pixels.
    """
    if not config.images:
        return None
    chosen = choose(inputs.test, config.images)
    if not len(chosen.row):
        return None
    folders = _folders(inputs.classifier)
    explained = _load(config, inputs, folders, chosen)
    occlusion = occlusion_maps(config, explained, inputs.devices)
    gradients, incompleteness = gradient_maps(config, explained, inputs.devices)
    patient = inputs.test.patient_id[chosen.row]
    multiplicity = draw_patients(
        patient,
        inputs.replicates,
        rng.host_generator(inputs.seed, "attribution patients"),
    )
    agreement = compare_maps(occlusion, patient, multiplicity, inputs.level)
    names = inputs.real.schema.labels
    if inputs.devices.is_main:
        shown = ShownMaps(
            pixels=explained.pixels,
            id=inputs.test.id[chosen.row],
            finding=[names[y] for y in chosen.finding],
            maps={"occlusion": occlusion, "integrated_gradients": gradients},
        )
        write_pictures(shown, each=config.pictures, out=inputs.out / FOLDER)
        _say(agreement)
    return Attribution(
        method="occlusion",
        n=len(chosen.row),
        n_patients=len(np.unique(patient)),
        maps=agreement,
        labels=_labels(names, chosen, occlusion),
        integrated_gradients=GradientAgreement(
            maps=compare_maps(gradients, patient, multiplicity, inputs.level),
            incompleteness=incompleteness,
        ),
        classifiers={arm: "/".join(path.parts[-2:]) for arm, path in folders.items()},
        choice=describe_choice(config.images),
        patches=config.patches,
        fill=config.fill,
        target=config.target,
        sheet=f"{FOLDER}/sheet.json",
    )


def _folders(classifier: Path) -> dict[str, Path]:
    """Return the classifiers that are compared, "again" only with a second seed."""
    second = {
        arm: "seed1" if (classifier / arm / "seed1").is_dir() else "seed0"
        for arm in ("real", "synthetic")
    }
    folders = {
        "real": classifier / "real" / "seed0",
        "synthetic": classifier / "synthetic" / second["synthetic"],
    }
    if second["real"] != "seed0":
        folders["again"] = classifier / "real" / second["real"]
    return folders


def _load(
    config: AttributionConfig,
    inputs: Inputs,
    folders: Mapping[str, Path],
    chosen: Chosen,
) -> Explained:
    loaded = {arm: load_classifier(folder) for arm, folder in folders.items()}
    return Explained(
        network=loaded["real"][0],
        params={
            arm: inputs.devices.replicate(params)
            for arm, (_, params, _) in loaded.items()
        },
        test=inputs.test,
        chosen=chosen,
        fill=fill_colour(config.fill, inputs.real),
    )


def _labels(
    names: tuple[str, ...], chosen: Chosen, maps: Maps
) -> tuple[LabelAgreement, ...]:
    """Average the correlations of each finding that has images."""
    correlation = {
        arm: rank_correlation(maps["real"], maps[arm])
        for arm in ("synthetic", "again")
        if arm in maps
    }

    def mean(arm: str, y: int) -> float:
        if arm not in correlation:
            return float("nan")
        values = correlation[arm][chosen.finding == y]
        values = values[np.isfinite(values)]
        return float(values.mean()) if len(values) else float("nan")

    return tuple(
        LabelAgreement(
            name=name,
            n=int(np.sum(chosen.finding == y)),
            agreement=mean("synthetic", y),
            control=mean("again", y),
        )
        for y, name in enumerate(names)
        if np.any(chosen.finding == y)
    )


def _say(found: MapAgreement) -> None:
    text = f"a correlation of {found.agreement.value:.2f}"
    if isinstance(found.control, Interval):
        text += f"; maps of two real-trained ones have {found.control.value:.2f}"
    say(f"attribution: maps of real- and synthetic-trained classifiers have {text}")
