"""Whether classifiers trained on real and on synthetic images look at the same places.

For real test images with a finding, maps of what the finding's logit rests on: of the
real-trained classifier, of the synthetic-trained one, and of a second real-trained one.
The agreement of the first two says what training on synthetic images changed only beside
that of the first and the third, which another seed of the same training changes too.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from synthjax.classifier.networks.api import Network
from synthjax.classifier.predict import load_classifier, whole_batch
from synthjax.core.clock import say
from synthjax.core.devices import Devices
from synthjax.core.errors import ConfigError
from synthjax.data.store.loader import Table, read_schema, read_split
from synthjax.evaluate.attribution.agreement import (
    Agreement,
    compare_maps,
    rank_correlation,
)
from synthjax.evaluate.attribution.integrated_gradients import (
    integrated_gradients,
    make_integrate,
)
from synthjax.evaluate.attribution.occlusion import (
    cross_entropy_rise,
    make_occlude,
    occluded_logits,
    patch_sums,
)
from synthjax.evaluate.attribution.pictures import Maps, write_pictures
from synthjax.statistics.bootstrap import draw_patients

# Mean of ImageNet, white is 1: what the paper covers patches with (0 after its
# normalisation). Grey images are covered with the mean of the three.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
FILLS = ("imagenet", "train")
TARGETS = ("finding", "labels")
_GRADIENTS = 64  # images in a batch of integrated gradients


@dataclasses.dataclass(frozen=True)
class AttributionConfig:
    """Which images are attributed, and how."""

    images: int = 4  # real test images of each finding; 0: leave this part out
    pictures: int = 2  # of them shown
    patches: int = 16  # patches across an image (the paper: 56, of 4 px at 224 px)
    fill: str = "imagenet"  # covers patches, and is the baseline: its mean, or train's
    target: str = "finding"  # loss that rises: of the finding, of all labels (paper)
    nodes: int = 32  # points of the path of integrated gradients
    batch_size: int = 256  # occluded images in a batch, over all devices

    def __post_init__(self) -> None:
        if self.images < 0:
            raise ConfigError(f"images={self.images}: must be 0 (leave out) or more")
        for name in ("pictures", "patches", "nodes", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}={getattr(self, name)}: must be at least 1")
        for name, allowed in (("fill", FILLS), ("target", TARGETS)):
            if getattr(self, name) not in allowed:
                raise ConfigError(
                    f"{name}={getattr(self, name)!r}: must be one of "
                    f"{', '.join(allowed)}"
                )


@dataclasses.dataclass(frozen=True)
class Chosen:
    """Images with a finding each; row i is an image and one of its findings."""

    row: Int[np.ndarray, " n"]  # of the test images
    finding: Int[np.ndarray, " n"]  # number of the label

    def unique(self) -> tuple[Int[np.ndarray, " m"], Int[np.ndarray, " n"]]:
        """The images, each once, and where among them each row's is."""
        rows, place = np.unique(self.row, return_inverse=True)
        return rows, place.ravel()


def measure_attribution(
    config: AttributionConfig,
    *,
    replicates: int,
    level: float,
    seed: int,
    data: Path,
    classifier: Path,
    out: Path,
    devices: Devices,
) -> dict[str, Any] | None:
    """How well the maps of two trainings agree; pictures of them in `out`.

    The agreement of two maps is Spearman's correlation over the patches; of two
    trainings, its mean over images, with an interval over the patients.
    Seed 0 of the real arm is compared with the second seed of the synthetic arm, and as
    the control with the second of the real arm: seed k starts from the same parameters
    in each arm, so neither pair has its start in common, and the two others do.

    Args:
        config: the section config.evaluate.attribution.
        replicates: draws of patients.
        level: coverage of the intervals.
        seed: of the study; patients are drawn from it.
        data: the real set.
        classifier: the classifier stage's directory.
        out: where pictures and sheet.json are written.
        devices: where the classifiers run.

    Returns:
        The key "attribution" of results.json; None if `config.images` is 0 or no test
        image has a finding. The control is None where the arm has one seed.

    Raises:
        StudyError: a set or a classifier is missing.
        ConfigError: more patches than pixels.
    """
    if not config.images:
        return None
    names = read_schema(data).labels
    test = read_split(data, "test")
    chosen = choose(test, config.images)
    if not len(chosen.row):
        return None
    folders = _folders(classifier)
    fill = _fill(config.fill, data, test.pixels.shape[-1])
    loaded = {arm: load_classifier(folder) for arm, folder in folders.items()}
    network = loaded["real"][0]
    params = {arm: devices.replicate(found[1]) for arm, found in loaded.items()}
    occlusion = _occlusion(config, network, params, test, chosen, fill, devices)
    gradients, incompleteness = _gradients(
        config, network, params, test, chosen, fill, devices
    )
    maps = {"occlusion": occlusion, "integrated_gradients": gradients}
    patient = test.patient_id[chosen.row]
    generator = np.random.default_rng([seed, 3])
    multiplicity = draw_patients(patient, replicates, generator)
    found = {
        method: compare_maps(arms, patient, multiplicity, level)
        for method, arms in maps.items()
    }
    if devices.is_main:
        shown = Maps(
            pixels=test.pixels[chosen.row],
            id=test.id[chosen.row],
            finding=[names[y] for y in chosen.finding],
            maps=maps,
        )
        write_pictures(shown, each=config.pictures, out=out)
        _say(found["occlusion"])
    return {
        "method": "occlusion",
        "n": len(chosen.row),
        "n_patients": len(np.unique(patient)),
        **found["occlusion"].numbers(),
        "labels": _labels(names, chosen, occlusion),
        "integrated_gradients": {
            **found["integrated_gradients"].numbers(),
            "incompleteness": incompleteness,
        },
        "classifiers": {
            arm: "/".join(path.parts[-2:]) for arm, path in folders.items()
        },
        "choice": (
            f"the first {config.images} patients, by image id, with the finding, each "
            "with the first image that shows it"
        ),
        "patches": config.patches,
        "fill": config.fill,
        "target": config.target,
        "sheet": f"{out.name}/sheet.json",
    }


def choose(table: Table, images: int) -> Chosen:
    """For each label the first positive images by id, one of each patient."""
    rows, findings = [], []
    for y in range(table.label.shape[1]):
        positive = np.flatnonzero(table.label[:, y] == 1)
        _, first = np.unique(table.patient_id[positive].astype(str), return_index=True)
        picked = positive[np.sort(first)[:images]]
        rows.append(picked)
        findings.append(np.full(len(picked), y, np.int32))
    return Chosen(np.concatenate(rows), np.concatenate(findings))


def _folders(classifier: Path) -> dict[str, Path]:
    """The classifiers that are compared; "again" only if there is a second seed."""
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


def _fill(name: str, data: Path, channels: int) -> Float[np.ndarray, " c"]:
    """What covers a patch, in -1..1."""
    if name == "train":
        pixels = read_split(data, "train").pixels
        mean = (
            pixels.mean(axis=(0, 1, 2), dtype=np.float64) / np.iinfo(pixels.dtype).max
        )
    else:
        mean = np.array(IMAGENET_MEAN)
        mean = mean if channels == 3 else mean.mean(keepdims=True)
    return (2 * mean - 1).astype(np.float32)


def _occlusion(
    config: AttributionConfig,
    network: Network,
    params: dict[str, Any],
    test: Table,
    chosen: Chosen,
    fill: Float[np.ndarray, " c"],
    devices: Devices,
) -> dict[str, Float[np.ndarray, "n q"]]:
    """Rises of the loss by patch, for each classifier."""
    rows, place = chosen.unique()
    step = make_occlude(
        network.logits,
        devices,
        resolution=network.resolution,
        patches=config.patches,
        fill=fill,
    )
    label = test.label[chosen.row]
    weight = np.zeros(label.shape)
    if config.target == "finding":
        weight[np.arange(len(label)), chosen.finding] = 1.0
    else:
        known = ~np.isnan(label)
        weight[:] = known / known.sum(axis=1, keepdims=True)
    maps = {}
    for arm, values in params.items():
        logit = occluded_logits(
            step,
            values,
            test.pixels[rows],
            patches=config.patches,
            batch_size=whole_batch(config.batch_size, devices),
            devices=devices,
        )
        maps[arm] = cross_entropy_rise(logit[place], label, weight)
    return maps


def _gradients(
    config: AttributionConfig,
    network: Network,
    params: dict[str, Any],
    test: Table,
    chosen: Chosen,
    fill: Float[np.ndarray, " c"],
    devices: Devices,
) -> tuple[dict[str, Float[np.ndarray, "n q"]], float]:
    """Integrated gradients summed by patch, and how far they are from complete.

    The latter is the mean distance between the sum of a map and the difference of the
    logits, as a part of the mean size of that difference.
    """
    step = make_integrate(network.logits, devices, fill=fill)
    maps, error, size = {}, 0.0, 0.0
    for arm, values in params.items():
        pixel, difference = integrated_gradients(
            step,
            values,
            test.pixels[chosen.row],
            chosen.finding,
            nodes=config.nodes,
            batch_size=whole_batch(min(_GRADIENTS, len(chosen.row)), devices),
            devices=devices,
        )
        maps[arm] = patch_sums(pixel.astype(np.float64), config.patches)
        error += float(np.abs(pixel.sum(axis=(1, 2)) - difference).sum())
        size += float(np.abs(difference).sum())
    return maps, error / size if size else 0.0


def _labels(
    names: tuple[str, ...], chosen: Chosen, maps: dict[str, Float[np.ndarray, "n q"]]
) -> list[dict[str, Any]]:
    """Images and mean correlations of each finding that has images."""
    correlation = {
        name: rank_correlation(maps["real"], maps[arm])
        for name, arm in (("agreement", "synthetic"), ("control", "again"))
        if arm in maps
    }
    labels = []
    for y, name in enumerate(names):
        mine = chosen.finding == y
        if not mine.any():
            continue
        entry: dict[str, Any] = {"name": name, "n": int(mine.sum())}
        for key in ("agreement", "control"):
            values = correlation[key][mine] if key in correlation else np.array([])
            values = values[np.isfinite(values)]
            entry[key] = float(values.mean()) if len(values) else None
        labels.append(entry)
    return labels


def _say(found: Agreement) -> None:
    text = f"a correlation of {found.agreement.value:.2f}"
    if found.control is not None:
        text += f"; maps of two real-trained ones have {found.control.value:.2f}"
    say(f"attribution: maps of real- and synthetic-trained classifiers have {text}")
