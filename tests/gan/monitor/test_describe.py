"""The sizes of networks, from their shapes alone."""

import json

import pytest

from synthjax.gan.config import GanConfig
from synthjax.gan.monitor.describe import describe
from synthjax.gan.networks.cpd_gan import CpdGanConfig


@pytest.mark.slow
def test_sizes_and_presets_in_one_line():
    sizes = CpdGanConfig(z_size=4, channel_base=16, channel_max=2)
    config = GanConfig(model="cpd_gan", cpd_gan=sizes)
    line = describe(config, resolution=8, channels=1, labels=3)
    assert "\n" not in line
    said = json.loads(line)
    assert (said["model"], said["resolution"], said["labels"]) == ("cpd_gan", 8, 3)
    assert (said["batch_size"], said["loss"], said["kimg"]) == (256, "wgan_gp", 12000.0)
    # First: 7 conditions to 16 x 2, and 2 biases. Each of 4 and 8 px: two convolutions
    # of 3 x 3 x 2 x 2 + 2 (one at 4 px), each with a norm of 2 x (7 x 2 + 2), and the
    # image of 2 + 1.
    norm, conv, image = 2 * (7 * 2 + 2), 9 * 2 * 2 + 2, 2 + 1
    expected = (7 * 32 + 2) + norm + (conv + norm + image) + 2 * (conv + norm) + image
    assert said["generator"] == expected
