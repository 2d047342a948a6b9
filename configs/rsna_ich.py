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

from synthjax import published_study


def get_config(study: str = "128") -> ConfigDict:
    """The study at a resolution in pixels, such as "128" or "128:paper"."""
    config = published_study(study, modality="brain")
    config.data.source = "rsna_ich"
    config.data.pixels.window = "file"
    small = config.data.resolution <= 128
    config.data.pixels.pyramid_from = 128 if small else 512
    return config
