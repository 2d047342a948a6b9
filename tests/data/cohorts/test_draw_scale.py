"""Cohorts of tables as large as CheXpert's and RSNA's: their sizes, time and memory.

The tables are generated; reading and drawing run in a process of their own, which is
this file as a script, with `chest FOLDER` as its arguments and PYTHONPATH=tests.
"""

import itertools
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from builders.cohorts import CLASSES, COHORTS, SAMPLES
from builders.processes import script_env
from synthjax.core.memory import peak_bytes
from synthjax.data.cohorts import draw_cohort
from synthjax.data.sources.tables import CsvTable
from synthjax.data.splits import check_disjoint

SECONDS, BYTES = 120, 2e9
CHEST = (
    *("No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity"),
    *("Lung Lesion", "Edema", "Consolidation", "Pneumonia", "Atelectasis"),
    *("Pneumothorax", "Pleural Effusion", "Pleural Other", "Fracture"),
    "Support Devices",
)
BRAIN = (
    *("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural"),
    "no finding",
)
ROWS = {"chest": 224316, "brain": 752803}
CLEAN = {"chest": 187027, "brain": 752803}  # images that the rules start from

# Images of every combination of epidural (E), intraparenchymal (P), intraventricular
# (V), subarachnoid (S) and subdural (D). The sums are the public ones: E 3,145,
# P 36,118, V 26,205, S 35,675, D 47,166, any 107,933; 568 are in combinations of 110 or
# fewer, as the paper's 107,365 positive images suggest.
BLEEDINGS = {"D": 35546, "S": 14963, "P": 13815, "V": 11960, "PV": 8824, "SD": 6480}
BLEEDINGS |= {"PS": 4500, "PVS": 4200, "PSD": 3600, "E": 978, "ES": 849}
BLEEDINGS |= dict.fromkeys(("EP", "ED", "PD", "VS", "VD", "EPD", "ESD"), 150)
BLEEDINGS |= dict.fromkeys(("PVD", "VSD", "EPSD", "PVSD"), 150)
BLEEDINGS |= {"EV": 110, "EPS": 97, "EVS": 70, "EPVS": 61, "EVSD": 57, "EVD": 52}
BLEEDINGS |= {"EPVSD": 48, "EPV": 40, "EPVD": 33}


def chest_combinations(random):
    """[187027 14] bool: a few frequent combinations, hundreds of rarer ones."""
    head = [17000, 8600, 8200, 5400, 4200, 3400, 3200, 3050, 2950, 2900, 2850, 2800]
    head += [2750, 2700, 2650, 2620, 2590, 2560, 2530, 2500]
    tail = (2400 * (21 / np.arange(21, 3000)) ** 1.25).astype(int)
    total = CLEAN["chest"] - 1500  # so many combinations have a single image
    counts = np.concatenate([head, tail])
    counts = counts[: np.searchsorted(np.cumsum(counts), total)]
    counts = [*counts, total - counts.sum(), *[1] * 1500]
    rate = [0.05, 0.14, 0.5, 0.04, 0.27, 0.06, 0.11, 0.24, 0.1, 0.45, 0.02, 0.04, 0.55]
    flags = (np.arange(1, 2**13)[:, None] >> np.arange(13)) & 1  # not No Finding
    likely = flags @ np.log(np.array(rate) / (1 - np.array(rate)))
    flags = flags[np.argsort(-likely, kind="stable")]
    flags = np.pad(flags, ((1, 0), (1, 0)))
    flags[0, 0] = 1  # the most frequent: No Finding alone
    label = np.repeat(flags[: len(counts)], counts, axis=0).astype(bool)
    return random.permutation(label)


def write_chest(folder):
    """train.csv as in CheXpert-v1.0-small: laterals, third views and empty rows too."""
    random = np.random.default_rng(0)
    rows, patients = ROWS["chest"], 65240
    share = random.gamma(0.6, size=patients)
    sizes = 1 + random.multinomial(rows - patients, share / share.sum())
    patient = np.repeat(np.arange(1, patients + 1), sizes)
    study = np.arange(rows) - np.repeat(np.cumsum(sizes) - sizes, sizes) + 1
    sort = np.repeat(["1_frontal", "2_lateral", "3_frontal"], [190027, 33289, 1000])
    positive = np.zeros((rows, 14), bool)
    positive[: CLEAN["chest"]] = chest_combinations(random)
    positive[190027:] = random.random((rows - 190027, 14)) < 0.2
    order = random.permutation(rows)
    sort, positive = sort[order], positive[order]
    cells = np.where(random.random((rows, 14)) < 0.9, "1.0", "-1.0")
    cells = np.where(
        positive, cells, np.where(random.random((rows, 14)) < 0.1, "0.0", "")
    )
    with open(folder / "train.csv", "w", encoding="utf-8") as file:
        file.write(f"Path,Sex,Age,Frontal/Lateral,AP/PA,{','.join(CHEST)}\n")
        file.writelines(
            f"CheXpert-v1.0-small/train/patient{patient[row]:05d}/study{study[row]}"
            f"/view{sort[row]}.jpg,Female,61,Frontal,AP,{','.join(cells[row])}\n"
            for row in range(rows)
        )


def write_brain(folder):
    """stage_2_train.csv in its long form, and the patients as the headers have them."""
    random = np.random.default_rng(1)
    rows = ROWS["brain"]
    names = ["", *BLEEDINGS]
    counts = [rows - sum(BLEEDINGS.values()), *BLEEDINGS.values()]
    combination = np.repeat(np.arange(len(names)), counts)
    runs = -(-rows // 5)  # of neighbouring slices alike: each run of five has a patient
    patient = np.repeat(random.integers(0, 21700, runs), 5)[:rows]
    order = random.permutation(rows)
    hexes = random.permutation(2**24)[:rows]
    templates = []
    for name in names:
        values = [*("EPVSD"[column] in name for column in range(5)), bool(name)]
        lines = zip([*BRAIN[:5], "any"], values, strict=True)
        templates.append("".join(f"ID_#_{sub},{int(value)}\n" for sub, value in lines))
    with open(folder / "stage_2_train.csv", "w", encoding="utf-8") as file:
        file.write("ID,Label\n")
        file.writelines(
            templates[own].replace("#", f"{number:09x}")
            for number, own in zip(hexes.tolist(), combination[order], strict=True)
        )
    np.save(folder / "patients.npy", np.char.mod("ID_%08x", patient[order] * 7919))


def read_chest(folder):
    """Label matrix and patients by the paper's cleaning."""
    table = CsvTable(folder / "train.csv", required=["Path", *CHEST])
    values = {"1.0": 1, "-1.0": 1, "0.0": 0, "": 0}
    labels, patients = [], []
    for _, (path, *cells) in table.rows(["Path", *CHEST]):
        vector = [values[cell] for cell in cells]
        if path.endswith(("/view1_frontal.jpg", "/view2_frontal.jpg")) and any(vector):
            labels.append(bytes(vector))
            patients.append(path.split("/")[2])
    label = np.frombuffer(b"".join(labels), np.uint8).reshape(-1, 14)
    return label.astype(np.float32), np.array(patients)


def read_brain(folder):
    """Label matrix, "any" turned into "no finding", and patients."""
    table = CsvTable(folder / "stage_2_train.csv", required=["ID", "Label"])
    place = {name: number for number, name in enumerate((*BRAIN[:5], "any"))}
    positive = bytearray(6 * ROWS["brain"])
    row_of = {}
    for _, (name, value) in table.rows(["ID", "Label"]):  # ID_000012eaf_any, 1
        row = row_of.setdefault(name[:12], len(row_of))
        if value == "1":
            positive[6 * row + place[name[13:]]] = 1
    label = np.frombuffer(positive, np.uint8).reshape(-1, 6).astype(np.float32)
    label[:, 5] = 1 - label[:, 5]
    return label, np.load(folder / "patients.npy")


def measure(modality, folder):
    """Read, draw every cohort, and leave what came out and what it took."""
    begin = time.monotonic()
    read = {"chest": read_chest, "brain": read_brain}[modality]
    label, patients = read(folder)
    seconds = {"read": time.monotonic() - begin}
    facts, splits = {}, {}
    for cohort in COHORTS[modality]:
        start = time.monotonic()
        drawn = draw(cohort, modality, label, patients)
        seconds[cohort] = time.monotonic() - start
        facts[cohort] = drawn.facts | {"labels": drawn.labels}
        splits |= {f"{cohort} {split}": rows for split, rows in drawn.splits.items()}
    np.savez(folder / "splits.npz", **splits)
    np.savez(folder / "rows.npz", label=label, patients=patients)
    report = {"seconds": seconds, "peak": peak_bytes(), "facts": facts}
    report |= {"wall": sum(seconds.values()), "cpu": time.process_time()}
    (folder / "report.json").write_text(json.dumps(report))


def draw(cohort, modality, label, patients, seed=0):
    labels = {"chest": CHEST, "brain": BRAIN}[modality]
    return draw_cohort(
        cohort, modality, labels=labels, label=label, patient_id=patients, seed=seed
    )


@pytest.fixture(scope="module", params=["chest", "brain"])
def archive(request, tmp_path_factory):
    """The modality, its folder, and what `measure` said of it."""
    folder = tmp_path_factory.mktemp(request.param)
    {"chest": write_chest, "brain": write_brain}[request.param](folder)
    subprocess.run(
        [sys.executable, __file__, request.param, str(folder)],
        env=script_env(),
        check=True,
    )
    report = json.loads((folder / "report.json").read_text())
    with np.load(folder / "rows.npz") as file:
        rows = dict(file)
    with np.load(folder / "splits.npz") as file:
        splits = {
            cohort: {
                split: file[f"{cohort} {split}"] for split in ("train", "valid", "test")
            }
            for cohort in COHORTS[request.param]
        }
    return request.param, report, rows, splits


@pytest.mark.slow
def test_time_and_memory(archive):
    modality, report, _, _ = archive
    times = {name: round(value, 2) for name, value in report["seconds"].items()}
    print(f"{modality}: {report['peak'] / 1e9:.2f} GB, seconds {times}")
    print(f"in all {report['wall']:.1f} s, {report['cpu']:.1f} s of a core")
    assert report["wall"] < SECONDS  # reading and every cohort, one after the other
    assert report["peak"] < BYTES


@pytest.mark.slow
def test_counts_are_the_papers(archive):
    modality, report, rows, splits = archive
    label = rows["label"].astype(int)
    combination = label @ (1 << np.arange(label.shape[1]))
    assert len(label) == CLEAN[modality]
    few = {"chest": (190, 170), "brain": (300, 200)}[modality]
    wanted = {f"classes:{k}": (k, n, *few) for k, n in CLASSES[modality].items()}
    fixed = {"chest": (3, 750), "brain": (6, 500)}[modality]
    for n in SAMPLES[modality]:
        wanted[f"samples:{n}"] = (fixed[0], n, fixed[1], fixed[1])
    for cohort, (classes, *sizes) in wanted.items():
        assert len(report["facts"][cohort]["classes"]) == classes
        for size, drawn in zip(sizes, splits[cohort].values(), strict=True):
            members, counts = np.unique(combination[drawn], return_counts=True)
            assert len(members) == classes
            assert set(counts.tolist()) == {size}
            columns = np.flatnonzero(label[drawn].any(axis=0))
            kept = {"chest": CHEST, "brain": BRAIN}[modality]
            kept = [kept[column] for column in columns]
            assert report["facts"][cohort]["labels"] == kept
    resolution = splits["resolution"]
    assert len(resolution["valid"]) == len(resolution["test"]) == 4000
    facts = report["facts"]["resolution"]
    steps = {step["step"]: step for step in facts["steps"]}
    assert len(resolution["train"]) == steps["assigned to train"]["images"]
    assert len(facts["labels"]) == label.shape[1]
    given = np.unique(rows["patients"])
    assert steps["given"]["patients"] == len(given)
    if modality == "brain":
        pool = steps["positive, and 107365 without a finding"]["images"]
        assert pool == 214730
        positive = sum(item["images"] for item in facts["classes"])
        assert positive - (ROWS["brain"] - 107933) == 107365


def split_patients(modality, label, patients):
    """Rows of the resolution benchmark by split, before valid and test are sampled."""
    combination = label @ (1 << np.arange(label.shape[1]))
    limit = {"chest": 256, "brain": 110}[modality]
    pool = np.flatnonzero(np.bincount(combination)[combination] > limit)
    if modality == "brain":
        none = pool[label[pool, 5] == 1]
        np.random.RandomState(1000).shuffle(none)
        pool = np.concatenate([pool[label[pool, 5] == 0], none[:107365]])
    owners = np.unique(patients[pool])
    np.random.RandomState({"chest": 100, "brain": 1001}[modality]).shuffle(owners)
    cuts = int(0.8 * len(owners)), int(0.9 * len(owners))
    parts = np.split(owners, cuts)
    return [np.sort(pool[np.isin(patients[pool], part)]) for part in parts]


@pytest.mark.slow
def test_resolution_has_all_of_train_and_every_combinations_share(archive):
    modality, report, rows, splits = archive
    label = rows["label"].astype(int)
    combination = label @ (1 << np.arange(label.shape[1]))
    train, *others = split_patients(modality, label, rows["patients"])
    drawn = splits["resolution"]
    np.testing.assert_array_equal(drawn["train"], train)
    kept = report["facts"]["resolution"]["classes"]
    assert len(np.unique(combination[train])) == len(kept)
    for split, assigned in zip(("valid", "test"), others, strict=True):
        assert np.isin(drawn[split], assigned).all()
        counts = np.bincount(combination[assigned])
        got = np.bincount(combination[drawn[split]], minlength=len(counts))
        assert np.abs(got - counts * 4000 / len(assigned)).max() < 1


@pytest.mark.slow
def test_sets_are_nested(archive):
    """Of each class the smaller set is in the larger; valid and test are the same."""
    modality, report, rows, splits = archive
    label = rows["label"].astype(int)
    combination = label @ (1 << np.arange(label.shape[1]))

    def by_class(cohort, split):
        drawn = splits[cohort][split]
        members = combination[drawn]
        return {member: set(drawn[members == member]) for member in np.unique(members)}

    ks = list(CLASSES[modality])  # the most classes first, each with the fewest images
    for more, fewer in itertools.pairwise(ks):
        for split in ("train", "valid", "test"):
            large = by_class(f"classes:{more}", split)
            small = by_class(f"classes:{fewer}", split)
            assert small.keys() < large.keys()
            for member, images in small.items():
                if split != "train":
                    assert large[member] == images
                else:
                    assert large[member] < images
        names = [
            [item["positive"] for item in report["facts"][f"classes:{k}"]["classes"]]
            for k in (fewer, more)
        ]
        assert names[1][:fewer] == names[0]
    ns = SAMPLES[modality]
    for more, fewer in itertools.pairwise(ns):
        large, small = splits[f"samples:{more}"], splits[f"samples:{fewer}"]
        assert set(small["train"]) < set(large["train"])
        np.testing.assert_array_equal(small["valid"], large["valid"])
        np.testing.assert_array_equal(small["test"], large["test"])


@pytest.mark.slow
def test_no_patient_is_in_two_splits(archive):
    _, _, rows, splits = archive
    for parts in splits.values():
        check_disjoint(
            {split: rows["patients"][drawn] for split, drawn in parts.items()}
        )


@pytest.mark.slow
def test_another_process_draws_the_same_and_another_seed_does_not(archive):
    modality, _, rows, splits = archive
    for cohort in ("resolution", f"samples:{SAMPLES[modality][4]}"):
        again = draw(cohort, modality, rows["label"], rows["patients"])
        for split, drawn in again.splits.items():
            np.testing.assert_array_equal(splits[cohort][split], drawn)
    other = draw("resolution", modality, rows["label"], rows["patients"], seed=1)
    assert other.splits["test"] != splits["resolution"]["test"].tolist()


if __name__ == "__main__":
    measure(sys.argv[1], Path(sys.argv[2]))
