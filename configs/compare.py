r"""Somebody's synthetic images against the real ones: two folders, no generator.

Each folder holds images and `labels.csv` (columns `file`, one for each label with 1, 0
or nothing; see configs/folder.py). The synthetic one has at least the real one's labels.

    python -m launch.compare --real=/path/to/real --synthetic=/path/to/synthetic \
        --workdir=runs/compare

What the generator was trained on must not be tested on. Where its authors say which
patients those were, put train, valid or test in a column of the real folder's table:
--config.data.folder.split_column=split. Without it, patients are dealt to the splits by
lot, and the gap is too small if the generator has seen the test patients.

Name the real table's patient column, --config.data.folder.patient_column=patient, or two
images of one patient can land on both sides of a split.

It is made to be quick: 1,000 images of 64 px in each folder take about a minute on two
cores, a little more the first time, when all is compiled. The classifiers see the images
resized to 32 px and are trained shorter than in a study of one's own: a small gap may only
say that neither learned much, so look at the real arm's AUROC first. For findings that are
small --config.classifier.input_size=0 keeps the images' own size, at four times the cost
for twice the side, and --config.classifier.steps raises the number of updates.
"""

from ml_collections import ConfigDict

from synthjax import new_study


def get_config() -> ConfigDict:
    """The comparison; launch.compare fills in the two folders."""
    config = new_study()
    config.data.source = "folder"
    config.data.resolution = 64
    config.devices.cpu_devices = 2
    config.classifier.input_size = 32
    config.classifier.steps = 200
    config.classifier.eval_every = 50
    return config
