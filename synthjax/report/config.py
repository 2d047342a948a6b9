"""The settings of the report."""

import dataclasses

from synthjax.core.config import Config, field


@dataclasses.dataclass(frozen=True)
class ReportConfig(Config):
    """What the page shows."""

    title: str = field("", "heading of the page; empty names the data source")
    note: str = field(
        "", "sentence under the heading, such as who ran the study and why"
    )
    rows: int = field(
        3, "images of each finding, real and synthetic, under each other", ge=1
    )
    cell: int = field(
        160, "greatest width of such an image, pixels; wider ones are reduced", ge=1
    )
    samples: int = field(4, "grids that show how the generator learned", ge=1)
