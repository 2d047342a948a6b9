"""The source of head CT phantoms: its rows, its reader and its windows."""

import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from synthjax.core.errors import ConfigError
from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.images.windowing import WINDOWS, apply_window
from synthjax.data.listing import Context, Listing
from synthjax.data.problems import Problems
from synthjax.data.sources.phantom_brain import PhantomBrainConfig, list_images
from synthjax.phantom.head import draw_case
from synthjax.phantom.head.anatomy import LEVELS

CONFIG = PhantomBrainConfig(patients=30)


def listed(
    config: PhantomBrainConfig = CONFIG, resolution: int = 32, window: str = "file"
) -> Listing:
    """The phantom listed as the data stage would."""
    context = Context(
        resolution=resolution,
        channels=3 if window == "three" else 1,
        seed=3,
        workers=1,
        prepared=Path(),
        pixels=PixelsConfig(window=window),
        problems=Problems("error", 0.0),
    )
    return list_images(config, context)


def test_rows_are_complete_ordered_and_fit_their_slices():
    rows = listed().metadata
    assert len(set(rows.id)) == len(rows) and list(rows.id) == sorted(rows.id)
    assert set(rows.patient_id) == {f"patient{number:05d}" for number in range(30)}
    assert set(rows.sex) <= {"F", "M"} and set(rows.view) == {"axial"}
    assert np.all((rows.age >= 18) & (rows.age <= 95))
    assert rows.label.shape == (len(rows), 6) and rows.label.dtype == np.float32
    assert np.array_equal(rows.label[:, 5], rows.label[:, :5].sum(1) == 0)
    for number in range(30):
        case = draw_case(3, number)
        mine = rows.patient_id == case.name
        assert list(rows.id[mine]) == [
            f"{case.name}-slice{image + 1}" for image in range(len(case.levels))
        ]
        assert 1 <= len(case.levels) <= 4
        assert np.all(np.diff(case.levels) > 0)
        assert LEVELS[0] <= case.levels[0] and case.levels[-1] <= LEVELS[-1]


@pytest.mark.slow
def test_a_slice_depends_on_seed_patient_and_number_alone():
    listing = listed()
    again = listed(replace(CONFIG, patients=7))
    np.testing.assert_array_equal(
        again.metadata.id, listing.metadata.id[: len(again.metadata)]
    )
    np.testing.assert_array_equal(
        again.metadata.label, listing.metadata.label[: len(again.metadata)]
    )
    records = [listing.metadata.record(number) for number in range(8)]
    backwards = [again.read(record) for record in records[::-1]][::-1]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        elsewhere = list(pool.map(listing.read, records))
    for one, other, record in zip(backwards, elsewhere, records, strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(one, listing.read(record))
    assert not np.array_equal(backwards[0], backwards[1])
    copy = pickle.loads(pickle.dumps(listing.read))
    np.testing.assert_array_equal(copy(records[0]), backwards[0])


def test_windows():
    record = listed().metadata.record(4)
    hounsfield = listed().read.hounsfield(record)
    assert hounsfield.dtype == np.int16 and hounsfield.shape == (32, 32)
    assert hounsfield.min() < -950 and hounsfield.max() > 500
    values = hounsfield.astype(np.float32)
    three = listed(window="three").read(record)
    assert three.shape == (32, 32, 3) and three.dtype == np.float32
    for channel, name in enumerate(("brain", "subdural", "bone")):
        alone = listed(window=name).read(record)
        np.testing.assert_array_equal(alone[..., 0], three[..., channel])
        np.testing.assert_array_equal(
            alone[..., 0], apply_window(values, WINDOWS[name])
        )
    np.testing.assert_array_equal(  # as a DICOM file is shown that says no function
        listed().read(record)[..., 0], apply_window(values, WINDOWS["brain"], "LINEAR")
    )


@pytest.mark.parametrize("resolution", [0, 8, 48, 2048])
def test_a_resolution_that_cannot_be_rendered_is_named(resolution):
    with pytest.raises(ConfigError, match=f"resolution={resolution}"):
        listed(resolution=resolution)


@pytest.mark.parametrize(
    "wrong",
    [{"patients": 0}, {"slices_per_patient": 17}, {"noise": -1.0}, {"cupping": 50.0}],
)
def test_config_says_what_is_wrong(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ConfigError, match=f"{name}={value}"):
        PhantomBrainConfig(**wrong)


@pytest.mark.slow
def test_workers_do_not_load_jax():
    code = (
        "import sys; import synthjax.data.sources.phantom_brain; "
        "sys.exit('jax' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
