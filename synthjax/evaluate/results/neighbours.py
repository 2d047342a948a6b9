"""What results.json says of the training images nearest to synthetic ones."""

from collections.abc import Mapping

from synthjax.evaluate.results.json_form import ABSENT, Absent, json_object, key
from synthjax.statistics.interval import Interval


@json_object
class Quantiles:
    """Quantiles of the distances to the nearest real training image."""

    quantiles: Mapping[str, float] = key(
        "share of the images (such as 0.05): distance that so many keep to"
    )


@json_object
class DistanceCurve:
    """The distributions of the distances of synthetic and of real test images."""

    level: tuple[float, ...] = key("shares of the images", ge=0, le=1)
    synthetic: tuple[float, ...] = key("distances")
    test: tuple[float, ...] = key("distances")


@json_object
class Nearness:
    """How near synthetic images lie to real training images, by one distance."""

    distance: str | Absent = key("what is measured, and its unit", default=ABSENT)
    synthetic_to_train: Quantiles = key(
        "of synthetic images to their nearest real training image"
    )
    test_to_train: Quantiles = key("of real test images, the control")
    closer_than_real_1pct: Interval = key(
        "share of synthetic images nearer to a training image than 99 of 100 real test "
        "images are"
    )
    curve: DistanceCurve | Absent = key(
        "both distributions for a figure", default=ABSENT
    )


@json_object
class Neighbours:
    """How near synthetic images lie to real training images."""

    encoder: str = key("whose features are compared")
    n: int = key("synthetic images")
    n_test: int | Absent = key("real test images", default=ABSENT)
    n_train: int | Absent = key("real training images", default=ABSENT)
    own: Nearness = key("by the features of the encoder", inline=True)
    pixels: Nearness | Absent = key("the same by pixels", default=ABSENT)
    sheet: str | Absent = key(
        "describes the pictures; a file within evaluate/", default=ABSENT
    )
