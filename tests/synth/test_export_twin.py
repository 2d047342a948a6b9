"""A twin as the synth stage writes it is a synthetic set to the exports, a real is not."""

import numpy as np
import pydicom
import pytest

from synthjax.core.errors import StudyError
from synthjax.data.dataset import Dataset
from synthjax.data.export.formats import export
from synthjax.synth import write
from synthjax.synth.config import SynthConfig
from synthjax.synth.write import write_twin


@pytest.mark.slow
def test_a_twin_is_exported_as_dicom_and_the_real_set_is_not(
    monkeypatch, toy_generator, real_set, tmp_path, one_device
):
    monkeypatch.setattr(write, "load_generator", lambda gan, step: toy_generator)
    config, twin = SynthConfig(batch_size=4, splits=("test",)), tmp_path / "synth"
    gan = tmp_path / "gan"
    write_twin(config, seed=5, data=real_set, gan=gan, out=twin, devices=one_device)
    export(twin, tmp_path / "dicom", "dicom")
    table = Dataset.open(twin).table("test")
    for name, pixels in zip(table.id, table.pixels, strict=True):
        dataset = pydicom.dcmread(tmp_path / "dicom" / "test" / f"{name}.dcm")
        assert dataset.PatientID == name and "step 7" in dataset.DerivationDescription
        np.testing.assert_array_equal(dataset.pixel_array, pixels[..., 0])
    card = (tmp_path / "dicom" / "README.md").read_text()
    assert "generator.ema_sha256" in card and str(tmp_path) not in card
    with pytest.raises(StudyError, match="not a synthetic set"):
        export(real_set, tmp_path / "real", "dicom")
