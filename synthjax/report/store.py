"""Keeps every figure of the page as a file and gives it to the page inlined."""

from pathlib import Path

from matplotlib.figure import Figure

from synthjax.core.files import write_atomic
from synthjax.report import figures as draw
from synthjax.report import pictures


class Figures:
    """The folder of the figures."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def svg(self, name: str, figure: Figure, alt: str) -> dict[str, str]:
        """{"uri", "alt"} of a vector figure."""
        content = draw.svg(figure)
        write_atomic(self.folder / f"{name}.svg", content)
        return {"uri": pictures.data_uri(content, "image/svg+xml"), "alt": alt}

    def png(self, name: str, content: bytes, alt: str) -> dict[str, str]:
        """{"uri", "alt"} of a picture."""
        write_atomic(self.folder / f"{name}.png", content)
        return {"uri": pictures.data_uri(content, "image/png"), "alt": alt}
