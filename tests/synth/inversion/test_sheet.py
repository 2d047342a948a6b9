"""The picture and the numbers of inverted images of a set."""

import json

import numpy as np
import pytest
from PIL import Image

from synthjax.core.errors import StudyError
from synthjax.data.dataset import Dataset
from synthjax.synth.inversion.config import InversionConfig
from synthjax.synth.inversion.sheet import find_images, invert_images

CONFIG = InversionConfig(steps=60, mean_samples=64, batch_size=2)


@pytest.mark.slow
def test_real_over_inverted_with_a_loss_each(generator, real_set, tmp_path):
    dataset = Dataset.open(real_set)
    ids = ("test004", "test001", "test002")  # the label of test001 is half unknown
    sheet = invert_images(generator, dataset, "test", ids, seed=3, config=CONFIG)
    sheet.write(tmp_path / "new" / "near.png")
    with Image.open(tmp_path / "new" / "near.png") as image:
        picture = np.asarray(image)
    assert picture.shape == (2 * 16 + 1, 3 * 16 + 2)
    for column, index in enumerate((4, 1, 2)):
        pixels = dataset["test"][index].pixels[..., 0]
        left = 17 * column
        np.testing.assert_array_equal(picture[:16, left : left + 16], pixels)
    numbers = json.loads((tmp_path / "new" / "near.json").read_text())
    assert [image["id"] for image in numbers["images"]] == list(ids)
    assert all(i["loss"] < i["loss_of_mean_style"] for i in numbers["images"])
    assert (numbers["split"], numbers["seed"], numbers["checkpoint"]) == ("test", 3, 7)
    assert numbers["search"]["steps"] == 60


def test_an_image_that_is_not_there_is_named(real_set):
    dataset = Dataset.open(real_set)
    assert find_images(dataset, "valid", ["valid002", "valid000"]) == [2, 0]
    with pytest.raises(StudyError, match='has no image "tst004". Did you .*"test004"'):
        find_images(dataset, "test", ["test001", "tst004"])
    with pytest.raises(StudyError, match='"test" has no image "x".*such as "test000"'):
        find_images(dataset, "test", ["x"])
    with pytest.raises(StudyError, match='"train003". It is in the split "train"'):
        find_images(dataset, "test", ["train003"])
