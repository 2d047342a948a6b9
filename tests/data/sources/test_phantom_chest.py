"""The source of chest phantoms: its rows, and images that depend on the seed alone."""

import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from synthjax.core.errors import ConfigError
from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.listing import Context
from synthjax.data.problems import Problems
from synthjax.data.sources.phantom_chest import PhantomChestConfig, list_images
from synthjax.phantom.chest import LABELS, draw_case


def listed(config, resolution=16, seed=0):
    """The rows of a phantom set and the function that renders one."""
    context = Context(
        resolution, 1, seed, 1, Path(), PixelsConfig(), Problems("error", 0.0)
    )
    return list_images(config, context)


def images(config, **context):
    """Every record with its pixels, values of 0 to 1."""
    listing = listed(config, **context)
    records = map(listing.metadata.record, range(len(listing.metadata)))
    return [replace(record, pixels=listing.read(record)) for record in records]


def test_an_image_depends_on_seed_patient_and_number_alone():
    config = PhantomChestConfig(patients=12)
    every = images(config, seed=3)
    assert [one.id for one in every] == sorted(one.id for one in every)
    listing = pickle.loads(pickle.dumps(listed(config, seed=3)))
    last = listing.metadata.record(len(listing.metadata) - 1)
    np.testing.assert_array_equal(listing.read(last), every[-1].pixels)
    few = images(replace(config, patients=5), seed=3)
    for one, other in zip(few, every, strict=False):
        assert one.id == other.id
        np.testing.assert_array_equal(one.pixels, other.pixels)
    changed = images(replace(config, patients=1), seed=4)
    assert not np.array_equal(changed[0].pixels, every[0].pixels)


def test_what_is_listed():
    config = PhantomChestConfig(patients=12)
    assert listed(config).labels == LABELS
    made = images(config, resolution=32)
    assert len({record.id for record in made}) == len(made)
    assert {record.patient_id for record in made} == {
        f"patient{number:05d}" for number in range(12)
    }
    for record in made:
        assert record.pixels.shape == (32, 32, 1)
        assert record.pixels.dtype == np.float32
        assert 0 <= record.pixels.min() and record.pixels.max() <= 1
        assert record.label.dtype == np.float32 and record.label.shape == (14,)
        assert 18 <= record.age <= 95
        assert record.sex in ("F", "M") and record.view in ("PA", "AP")
        assert record.id.startswith(record.patient_id)
    counts = [sum(r.patient_id == name.patient_id for r in made) for name in made]
    assert min(counts) >= 1 and max(counts) <= 3


def test_the_view_that_is_listed_is_the_one_rendered():
    config = PhantomChestConfig(patients=30)
    listing = listed(config)
    for number in range(len(listing.metadata)):
        record = listing.metadata.record(number)
        patient, _, image = record.id.removeprefix("patient").partition("-study")
        scene = draw_case(0, int(patient)).scene(int(image) - 1)
        assert record.view == scene.pose.view


def test_images_of_a_patient_share_labels_but_differ():
    config = PhantomChestConfig(patients=8)
    made: dict[str, list] = {}
    for record in images(config, resolution=32, seed=1):
        made.setdefault(record.patient_id, []).append(record)
    several = [group for group in made.values() if len(group) > 1]
    assert several
    for first, second, *_ in several:
        np.testing.assert_array_equal(first.label, second.label)
        assert not np.array_equal(first.pixels, second.pixels)


@pytest.mark.parametrize(
    "wrong",
    [{"patients": 0}, {"images_per_patient": 4}, {"photons": -1.0}, {"scatter": 2.0}],
)
def test_config_says_what_is_wrong(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ConfigError, match=f"{name}={value}"):
        PhantomChestConfig(**wrong)


@pytest.mark.slow
def test_workers_do_not_load_jax():
    code = (
        "import sys; import synthjax.data.sources.phantom_chest; "
        "sys.exit('jax' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
