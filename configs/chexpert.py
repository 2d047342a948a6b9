r"""CheXpert as in the paper: chest radiographs with 14 findings, at one resolution.

DuMont Schuette et al., npj Digital Medicine 4:141 (2021): train.csv alone, the first two
frontal views, uncertain labels positive, and one of the paper's cohorts. Resolution 32
to 512 after the colon; the cohort is `resolution`, `classes:K` or `samples:N`:

    python -m launch.pipeline --config=configs/chexpert.py:256 --workdir=runs/chexpert \
        --config.data.chexpert.path=/path/to/CheXpert-v1.0-small

    python -m launch.pipeline --config=configs/chexpert.py:32 --workdir=runs/classes10 \
        --config.data.chexpert.path=/path/to/CheXpert-v1.0-small \
        --config.data.cohort=classes:10

Above 256 px, images are averaged down from 1024 px and want the full-size CheXpert-v1.0.

Expected numbers: not run here, it needs the data and GPUs. The paper's own, mean AUROC
on real test images of classifiers trained on real and on synthetic ones, at 32 px: for
classes:10, 0.823 and 0.785; for samples:5950, 0.926 and 0.908. Its GAN and classifier
are others than the ones below; `:256:paper` trains the classifiers with its numbers.
"""

from ml_collections import ConfigDict

from synthjax import published_study


def get_config(study: str = "256") -> ConfigDict:
    """The study at a resolution in pixels, such as "256" or "256:paper"."""
    config = published_study(study, modality="chest")
    config.data.source = "chexpert"
    config.data.chexpert.uncertainty = "ones"
    config.data.pixels.aspect = "squash"
    small = config.data.resolution <= 256
    config.data.pixels.pyramid_from = 256 if small else 1024
    return config
