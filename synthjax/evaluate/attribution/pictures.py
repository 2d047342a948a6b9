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
from synthjax.evaluate.picture_rows import picture_row

METHODS = {
    "occlusion": "rise of the cross-entropy when a patch is covered; dark blue: none",
    "integrated_gradients": (
        "integrated gradients of the finding's logit, summed over a patch; yellow adds "
        "to it, blue takes from it, grey does neither"
    ),
}


@dataclasses.dataclass(frozen=True)
class Maps:
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
    """A map in colours, and the value at the end of the scale.

    Args:
        value: the map.
        signed: whether the scale goes from -end over 0 to end; otherwise from 0 to end,
            and what is below 0 is shown as 0.
    """
    end = float(np.abs(value).max() if signed else value.max(initial=0.0))
    part = value / end if end > 0 else np.zeros_like(value)
    part = (part + 1) / 2 if signed else np.maximum(part, 0)
    return _colours()[np.rint(255 * part).astype(np.int64)], end


def write_pictures(shown: Maps, *, each: int, out: Path) -> None:
    """Writes a PNG for each image and method, and sheet.json that describes them.

    A PNG is the image, the map of the real-trained and that of the synthetic-trained
    classifier, from left to right. Each map has its own scale, since the two may be sure
    to different degrees; its end is in sheet.json.

    Args:
        shown: the maps.
        each: images of a finding, at most, the first ones.
        out: the folder.
    """
    resolution = shown.pixels.shape[1]
    findings = list(dict.fromkeys(shown.finding))
    pictures: list[dict[str, Any]] = []
    for number, finding in enumerate(findings):
        rows = [i for i, name in enumerate(shown.finding) if name == finding][:each]
        for method in shown.maps:
            for place, i in enumerate(rows):
                drawn, ends = [], {}
                for arm in ("real", "synthetic"):
                    value = patch_image(shown.maps[method][arm][i], resolution)
                    signed = method != "occlusion"
                    picture, ends[arm] = colour(value, signed=signed)
                    drawn.append(picture)
                file = f"{method}_{number:02d}_{place}.png"
                image = to_bytes(shown.pixels[i])
                save_png(out / file, picture_row([[image], drawn]))
                pictures.append(
                    {
                        "file": file,
                        "alt": _alt(finding, method),
                        "method": method,
                        "finding": finding,
                        "id": str(shown.id[i]),
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


def _alt(finding: str, method: str) -> str:
    return (
        f"A real test image with {finding}, then where a classifier trained on real "
        "images and one trained on synthetic images find it, by "
        f"{method.replace('_', ' ')}."
    )
