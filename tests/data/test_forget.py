"""A patient who withdraws is in no file of the study."""

import numpy as np
import pytest

from builders.images import save_grey
from synthjax.core.errors import StudyError
from synthjax.core.files import read_json
from synthjax.core.study import Study
from synthjax.data.builder import build
from synthjax.data.config import DataConfig
from synthjax.data.dataset import Dataset
from synthjax.data.forget import forget
from synthjax.data.sources.folder import FolderConfig
from synthjax.sections import freeze_all, new_study


@pytest.fixture
def study(tmp_path):
    root = tmp_path / "source"
    rows = ["file,who,cat"]
    for number in range(40):
        save_grey(root / f"{number}.png", 6 * number)
        rows.append(f"{number}.png,anon{number // 2:02d},{number % 2}")
    (root / "labels.csv").write_text("\n".join(rows))
    folder = FolderConfig(path=str(root), patient_column="who")
    config = DataConfig(source="folder", folder=folder, resolution=16, workers=1)
    study = Study(tmp_path / "study", freeze_all(new_study()) | {"data": config})
    study.run(
        "data",
        lambda out: build(
            config, seed=0, out=out, prepared=tmp_path / "study" / "prepared"
        ),
    )
    for name in ("gan", "classifier", "superseded/data-1"):
        (study.workdir / name).mkdir(parents=True)
        (study.workdir / name / "weights").write_text("of anon07")
    return study


@pytest.mark.slow
def test_nothing_of_the_patient_stays_and_all_others_do(study):
    data = study.path("data")
    before = {split: Dataset.open(data).table(split) for split in ("train", "test")}
    facts = read_json(data / "splits.json")
    said = forget(study.workdir, "anon07")
    assert "To be made anew: gan, classifier" in said
    for path in study.workdir.rglob("*"):
        assert path.is_dir() or b"anon07" not in path.read_bytes(), path
    assert sorted(path.name for path in study.workdir.iterdir()) == ["data"]
    for split, table in before.items():
        after, stays = Dataset.open(data).table(split), table.patient_id != "anon07"
        np.testing.assert_array_equal(after.id, table.id[stays])
        np.testing.assert_array_equal(after.pixels, table.pixels[stays])
        np.testing.assert_array_equal(after.label, table.label[stays])
    now = read_json(data / "splits.json")
    assert {**now, "splits": 0} == {**facts, "splits": 0}
    study.run("data", lambda out: pytest.fail("the set is whole"))


def test_a_patient_who_is_not_there_removes_nothing(study):
    with pytest.raises(StudyError, match="has no patient 'anon99'"):
        forget(study.workdir, "anon99")
    assert (study.path("gan") / "weights").exists()
