"""What a source is listed with, and reading an image as another process would."""

import pickle

from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.listing import Context
from synthjax.data.problems import Problems


def make_context(tmp_path, problems=None, *, resolution=16, **pixels):
    """Return the context of a grey set; by default the first problem is an error."""
    return Context(
        resolution=resolution,
        channels=1,
        seed=0,
        workers=1,
        prepared=tmp_path / "out",
        pixels=PixelsConfig(**pixels),
        problems=problems or Problems("error", 0.0),
    )


def read_grey_levels(listing, index):
    """Return pixels of 0 to 255, read as another process would."""
    read = pickle.loads(pickle.dumps(listing.read))
    return read(listing.metadata.record(index)) * 255
