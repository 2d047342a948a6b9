"""Maps of two classifiers beside the image that they explain."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from jaxtyping import Float, UInt, UInt8

from synthjax.core.files import write_json
from synthjax.core.logbook import save_png
from synthjax.data.images.pixels import to_bytes
from synthjax.evaluate.attribution.occlusion import patch_image
from synthjax.evaluate.pictures.rows import picture_row

METHODS = {
    "occlusion": "rise of the cross-entropy when a patch is covered; dark blue: none",
    "integrated_gradients": (
        "integrated gradients of the finding's logit, summed over a patch; yellow adds "
        "to it, blue takes from it, grey does neither"
    ),
}


@dataclasses.dataclass(frozen=True)
class ShownMaps:
    """Images, and for each method and arm a map of each."""

    pixels: UInt[np.ndarray, "n h w c"]
    id: np.ndarray  # [n] str
    finding: list[str]  # that the map of each image explains, in runs
    maps: dict[str, dict[str, Float[np.ndarray, "n q"]]]  # by method, by arm


@functools.cache
def _colours() -> UInt8[np.ndarray, "256 3"]:
    # Cividis runs evenly from dark blue over grey to light yellow: it can be read in
    # grey and by people who see fewer colours, and its middle stands for zero.
    table = matplotlib.colormaps["cividis"](np.arange(256))[:, :3]
    return np.rint(255 * table).astype(np.uint8)


def colour(
    value: Float[np.ndarray, "h w"], *, signed: bool
) -> tuple[UInt8[np.ndarray, "h w 3"], float]:
    """Return a map in colours, and the value at the end of the scale.

    Args:
        value: the map.
        signed: whether the scale goes from -end over 0 to end; otherwise from 0 to end,
            and what is below 0 is shown as 0.
    """
    end = float(np.abs(value).max() if signed else value.max(initial=0.0))
    part = value / end if end > 0 else np.zeros_like(value)
    part = (part + 1) / 2 if signed else np.maximum(part, 0)
    return _colours()[np.rint(255 * part).astype(np.int64)], end


def write_pictures(shown: ShownMaps, *, each: int, out: Path) -> None:
    """Write a PNG for each image and method, and sheet.json that describes them.

    A PNG is the image, the map of the real-trained and that of the synthetic-trained
    classifier, from left to right. Each map has its own scale, since the two may be sure
    to different degrees; its end is in sheet.json.

    Args:
        shown: the maps.
        each: images of a finding, at most, the first ones.
        out: the folder.
    """
    findings = list(dict.fromkeys(shown.finding))
    pictures: list[dict[str, Any]] = []
    for number, finding in enumerate(findings):
        rows = [i for i, name in enumerate(shown.finding) if name == finding][:each]
        for method in shown.maps:
            for place, row in enumerate(rows):
                picture, ends = _draw(shown, method, row)
                file = f"{method}_{number:02d}_{place}.png"
                save_png(out / file, picture)
                pictures.append(
                    {
                        "file": file,
                        "alt": _alt(finding, method),
                        "method": method,
                        "finding": finding,
                        "id": str(shown.id[row]),
                        "scale_end": ends,
                    }
                )
    write_json(
        out / "sheet.json",
        {
            "columns": ["image", "trained on real", "trained on synthetic"],
            "methods": {method: METHODS[method] for method in shown.maps},
            "pictures": pictures,
        },
    )


def _draw(
    shown: ShownMaps, method: str, row: int
) -> tuple[UInt8[np.ndarray, "h w 3"], dict[str, float]]:
    """Return an image beside its two maps, and the ends of their scales."""
    maps, ends = [], {}
    for arm in ("real", "synthetic"):
        value = patch_image(shown.maps[method][arm][row], shown.pixels.shape[1])
        picture, ends[arm] = colour(value, signed=method != "occlusion")
        maps.append(picture)
    return picture_row([[to_bytes(shown.pixels[row])], maps]), ends


def _alt(finding: str, method: str) -> str:
    return (
        f"A real test image with {finding}, then where a classifier trained on real "
        "images and one trained on synthetic images find it, by "
        f"{method.replace('_', ' ')}."
    )
