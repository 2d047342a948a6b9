"""The input path is measured on a set of the requested shape; no test depends on a speed."""

import numpy as np
import pytest

from synthjax.bench import input as measuring
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.data.schema import Schema


@pytest.mark.slow
@pytest.mark.parametrize(("channels", "bits"), [(1, 8), (3, 8), (1, 16)])
def test_measures_a_set_of_the_requested_shape(channels, bits, monkeypatch):
    written = []
    write_set = measuring.write_set

    def keep(directory, schema, splits):
        written.append((directory, schema))
        write_set(directory, schema, splits)

    monkeypatch.setattr(measuring, "write_set", keep)
    speed = measuring.measure_input(
        16,
        channels=channels,
        bits=bits,
        batch_size=8,
        devices=make_devices(DevicesConfig(count=1)),
        seconds=0.01,
        rounds=1,
        max_images=64,
    )
    [(directory, schema)] = written
    assert not directory.exists()
    assert schema.image_shape == (16, 16, channels)
    assert schema.bits == bits
    assert (speed.resolution, speed.images) == (16, 64)
    assert min(speed.single, speed.streaming, speed.resident) > 0
    assert 0 < speed.stored_kb < 10
    assert speed.fitting == (2_000_000_000 - 1) // (256 * channels * bits // 8)


def test_images_of_the_set_are_radiographs_and_not_noise():
    schema = Schema("x", ("a", "b"), 64, 1)
    records = list(measuring.radiographs(schema, 8))
    assert [record.id for record in records] == sorted({r.id for r in records})
    image = records[0].pixels[..., 0].astype(float)
    right = np.corrcoef(image[:, 1:].ravel(), image[:, :-1].ravel())[0, 1]
    assert right > 0.9
    assert (records[0].pixels != records[1].pixels).any()
