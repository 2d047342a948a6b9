"""What a publication trains its classifiers with, to be put into a config file.

    config.classifier = section(presets.paper())

Values that a config file or a flag sets afterwards hold.
"""

from synthjax.classifier.config import ClassifierConfig
from synthjax.classifier.schedule import PlateauConfig


def paper() -> ClassifierConfig:
    """The classifier's training of DuMont Schuette et al. 2021 (npj Digit. Med. 4:141).

    DenseNet-121 at 224 px by the publication's resize, which started from ImageNet
    weights: `pretrained` takes them by path. Adam at 1e-4 on batches of 48, unweighted
    cross-entropy, mirrored images, epochs of 5,000 images and at most 100 of them; the
    rate is divided by 10 after 2 epochs without a better mean validation AUROC, the run
    ends after 3, and the best epoch is kept. Each arm stops when it is done, so the
    arms do not see the same number of images: that is the publication's comparison,
    and not the default's.
    """
    return ClassifierConfig(
        model="densenet121",
        input_size=224,
        resize="paper",
        schedule="plateau",
        plateau=PlateauConfig(),
        batch_size=48,
        learning_rate=1e-4,
        adam_epsilon=1e-7,
        weight_decay=0.0,
        gradient_norm=0.0,
        flip=True,
        loss="bce",
        class_weights="none",
    )
