r"""RSNA's intracranial haemorrhages as in the paper: head CT slices, at one resolution.

DuMont Schuette et al., npj Digital Medicine 4:141 (2021): the labelled stage 2 slices,
"any" turned into "no finding", balanced, and one of the paper's cohorts. Patients and
windows are those of the DICOM headers. Resolution 32 to 512 after the colon; the cohort
is `resolution`, `classes:K` or `samples:N`:

    python -m launch.pipeline --config=configs/rsna_ich.py:128 --workdir=runs/rsna \
        --config.data.rsna_ich.path=/path/to/rsna-intracranial-hemorrhage-detection

    python -m launch.pipeline --config=configs/rsna_ich.py:32 --workdir=runs/samples500 \
        --config.data.rsna_ich.path=/path/to/rsna-intracranial-hemorrhage-detection \
        --config.data.cohort=samples:500

Expected numbers: not run here, it needs the data and GPUs. The paper's own, mean AUROC
on real test images of classifiers trained on real and on synthetic ones, at 32 px: for
classes:10, 0.872 and 0.801; for classes:2, 0.928 and 0.905. Its GAN and classifier are
others than the ones below; `:128:paper` trains the classifiers with its numbers.
"""

from ml_collections import ConfigDict

from synthjax import new_study, train_as_published

RESOLUTIONS = ("32", "64", "128", "256", "512")


def get_config(study: str = "128") -> ConfigDict:
    """The study at a resolution in pixels, such as "128" or "128:paper"."""
    resolution, _, training = study.partition(":")
    if resolution not in RESOLUTIONS:
        raise ValueError(
            f"configs/rsna_ich.py:{resolution}: must be one of {', '.join(RESOLUTIONS)}"
        )
    size = int(resolution)
    config = new_study()
    config.data.source = "rsna_ich"
    config.data.resolution = size
    config.data.modality = "brain"
    config.data.cohort = "resolution"
    config.data.pixels.window = "file"
    config.data.pixels.normalise = "maximum"
    config.data.pixels.pyramid_from = 128 if size <= 128 else 512

    config.gan.checkpoint_kimg = config.gan.grid_kimg = 200.0
    config.classifier.seeds = 3
    config.classifier.steps = 10000
    config.classifier.eval_every = 500
    train_as_published(config, training)
    return config
