"""Keeps every figure of the page as a file, and gives it to the page inlined."""

import base64
from pathlib import Path

from matplotlib.figure import Figure

from synthjax.core.files import write_atomic
from synthjax.report import figures

Inlined = dict[str, str]  # {"uri", "alt"}: what an <img> needs


class FigureFolder:
    """The folder of the figures."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add_svg(self, name: str, figure: Figure, alt: str) -> Inlined:
        """Write `<name>.svg` and return {"uri", "alt"}.

        Args:
          name: of the file, without its ending.
          figure: what is drawn.
          alt: what it shows, for those who cannot see it.
        """
        return self._add(f"{name}.svg", figures.svg(figure), "image/svg+xml", alt)

    def add_png(self, name: str, content: bytes, alt: str) -> Inlined:
        """Write `<name>.png` from its bytes and return {"uri", "alt"}."""
        return self._add(f"{name}.png", content, "image/png", alt)

    def _add(self, file: str, content: bytes, media_type: str, alt: str) -> Inlined:
        write_atomic(self.folder / file, content)
        encoded = base64.b64encode(content).decode()
        return {"uri": f"data:{media_type};base64,{encoded}", "alt": alt}
