r"""Your own images: a folder of PNG, JPEG, TIFF or DICOM files. Copy this file.

The folder holds the images and `labels.csv`: a column `file` (path inside the folder),
if you have them a patient and other columns, and one column per label with 1, 0 or
nothing (unknown). The names of the columns are set below or by flag.

    python -m launch.pipeline --config=configs/folder.py \
        --workdir=runs/mine --config.data.folder.path=/path/to/folder

The sizes below want a GPU and have not been timed; to see the flow on a CPU, start with
--config.data.resolution=32 --config.gan.stylegan2.channel_max=32 --config.gan.kimg=50.
"""

from ml_collections import ConfigDict

from synthjax import new_study


def get_config() -> ConfigDict:
    """The study of a user's own folder."""
    config = new_study()
    config.data.source = "folder"
    config.data.resolution = 64
    config.data.folder.patient_column = "patient"
    config.data.fractions = (0.7, 0.1, 0.2)

    config.gan.kimg = 2000.0
    config.gan.stylegan2.channel_base = 8192
    config.gan.stylegan2.channel_max = 256
    return config
