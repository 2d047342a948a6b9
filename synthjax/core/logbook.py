"""What a run leaves for people: metrics.jsonl, TensorBoard events, image grids."""

import contextlib
import glob
import io
import json
import math
import os
import socket
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from synthjax.core.files import read_json_lines, write_atomic


class Logbook:
    """One JSON object per line in `<directory>/metrics.jsonl`, one axis for all.

    Args:
      directory: where the run writes.
      enabled: False on all processes but the main one; then nothing is written.
      resume_at: a resumed run drops lines past this axis value, because it will
        write them again: the file ends up as if there had been no interruption.
      axis: the key every line carries, such as "kimg" or "step".
    """

    def __init__(
        self,
        directory: Path,
        *,
        enabled: bool = True,
        resume_at: float | None = None,
        axis: str = "kimg",
    ) -> None:
        self.directory, self.enabled, self.axis = directory, enabled, axis
        self._events: Any = None
        if not enabled:
            return
        path = directory / "metrics.jsonl"
        kept = b""
        if path.exists() and resume_at is not None:
            kept = _lines_up_to(path, axis, resume_at)
        write_atomic(path, kept)
        self._file = path.open("a", encoding="utf-8")
        with contextlib.suppress(ImportError):
            from tensorboardX import SummaryWriter

            self._events = SummaryWriter(str(directory), flush_secs=10)
            _take_host_from_names(directory)

    def write(self, **scalars: float) -> None:
        """Appends one line; values that are not finite are written as null."""
        if self.axis not in scalars:
            raise ValueError(f"a line of metrics must carry {self.axis!r}")
        if not self.enabled:
            return
        line = {name: _finite(value) for name, value in scalars.items()}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        if self._events is not None:
            # TensorBoard's axis is an integer: thousandths of the axis unit.
            step = round(1000 * scalars[self.axis])
            for name, value in line.items():
                if name != self.axis and value is not None:
                    self._events.add_scalar(name, value, step)

    def image(self, name: str, image_u8: UInt8[np.ndarray, "h w c"]) -> None:
        """Writes `<directory>/<name>.png`."""
        if not self.enabled:
            return
        save_png(self.directory / f"{name}.png", image_u8)
        if self._events is not None:
            group, _, last = name.rpartition("/")
            digits = "".join(filter(str.isdigit, last)) or "0"
            tag = group or last
            self._events.add_image(tag, image_u8, int(digits), dataformats="HWC")

    def close(self) -> None:
        """Flushes and closes the files."""
        if self.enabled:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        if self._events is not None:
            self._events.close()


def _take_host_from_names(directory: Path) -> None:
    """Renames event files, which tensorboardX names for this host, also open ones."""
    host = glob.escape(socket.gethostname())
    for path in directory.glob(f"events.out.tfevents.*.{host}"):
        head = path.name.removesuffix(f".{socket.gethostname()}")
        number = len(list(directory.glob(f"{head}.*"))) - 1
        path.rename(path.with_name(f"{head}.{number}"))


def _lines_up_to(path: Path, axis: str, limit: float) -> bytes:
    kept = []
    for line in read_json_lines(path):
        if not isinstance(value := line.get(axis), (int, float)) or value > limit:
            break
        kept.append(json.dumps(line) + "\n")
    return "".join(kept).encode()


def _finite(value: float) -> float | int | None:
    number = value if isinstance(value, (int, float)) else float(value)
    return number if math.isfinite(number) else None


def save_png(path: Path, image_u8: UInt8[np.ndarray, "..."]) -> None:
    """Writes an image [h w], [h w 1] or [h w 3] as PNG, whole or not at all."""
    if image_u8.ndim == 3 and image_u8.shape[-1] == 1:
        image_u8 = image_u8[..., 0]
    buffer = io.BytesIO()
    Image.fromarray(image_u8).save(buffer, format="PNG")
    write_atomic(path, buffer.getvalue())


def grid(
    images_u8: UInt8[np.ndarray, "n h w c"], columns: int, pad: int = 1
) -> UInt8[np.ndarray, "gh gw c"]:
    """Lays images out row by row in `columns` columns, `pad` dark pixels between."""
    n, h, w, c = images_u8.shape
    rows = -(-n // columns)
    sheet = np.zeros((rows * (h + pad) - pad, columns * (w + pad) - pad, c), np.uint8)
    for i, image in enumerate(images_u8):
        y, x = (i // columns) * (h + pad), (i % columns) * (w + pad)
        sheet[y : y + h, x : x + w] = image
    return sheet
