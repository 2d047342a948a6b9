"""What results.json says of where the classifiers look."""

from collections.abc import Mapping

from synthjax.evaluate.results.json_form import ABSENT, Absent, json_object, key
from synthjax.statistics.interval import Interval


@json_object
class MapAgreement:
    """Mean rank correlations of maps over images, -1 to 1, and their difference."""

    agreement: Interval = key(
        "mean rank correlation of the maps of a real- and a synthetic-trained "
        "classifier, -1 to 1"
    )
    control: Interval | None | Absent = key(
        "the same of two real-trained classifiers; null without a second seed",
        default=ABSENT,
    )
    difference: Interval | None | Absent = key(
        "agreement less control, on the same images", default=ABSENT
    )
    n_undefined: int | Absent = key(
        "images left out because a map is the same everywhere", default=ABSENT
    )


@json_object
class LabelAgreement:
    """The agreement of the maps of one finding."""

    name: str = key("the finding")
    n: int = key("images")
    agreement: float | Absent = key("mean rank correlation", default=ABSENT)
    control: float | Absent = key("of two real-trained classifiers", default=ABSENT)


@json_object
class GradientAgreement:
    """The agreement of maps of integrated gradients."""

    maps: MapAgreement = key("of the maps", inline=True)
    incompleteness: float | Absent = key(
        "how far the sums of the maps are from the differences of the logits, relative",
        default=ABSENT,
    )


@json_object
class Attribution:
    """Whether classifiers look at the same places."""

    method: str = key("how the maps were made")
    n: int = key("images, one finding each")
    n_patients: int | Absent = key("their patients", default=ABSENT)
    maps: MapAgreement = key("of the maps", inline=True)
    labels: tuple[LabelAgreement, ...] = key("one entry for each finding")
    integrated_gradients: GradientAgreement | Absent = key(
        "the same by integrated gradients", default=ABSENT
    )
    classifiers: Mapping[str, str] | Absent = key(
        "folder of each classifier that was compared", default=ABSENT
    )
    choice: str | Absent = key("which images were taken", default=ABSENT)
    patches: int | Absent = key("patches across an image", default=ABSENT)
    fill: str | Absent = key("what covers a patch", default=ABSENT)
    target: str | Absent = key("whose loss rises", default=ABSENT)
    sheet: str | Absent = key(
        "describes the pictures; a file within evaluate/", default=ABSENT
    )
