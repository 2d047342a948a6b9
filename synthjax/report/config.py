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
    real_images: bool = field(
        True,
        "whether real images are on the page; without, it holds no patient's image",
    )
    images_per_finding: int = field(
        3, "real and synthetic images of each finding", ge=1, renamed_from="rows"
    )
    image_width: int = field(
        160, "widest of them, pixels; wider ones are reduced", ge=1, renamed_from="cell"
    )
    sample_grids: int = field(
        4, "grids that show how the generator learned", ge=1, renamed_from="samples"
    )
