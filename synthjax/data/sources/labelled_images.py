"""Images whose labels were read off reports: those that have labels and a file."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Float32

from synthjax.core.errors import StudyError
from synthjax.core.findings import CHEST
from synthjax.data.problems import Problems
from synthjax.data.sources.tree import Tree
from synthjax.data.sources.uncertainty import ReportLabelsConfig, resolve


@runtime_checkable
class TableImage(Protocol):
    """An image as a table has it."""

    @property
    def where(self) -> str:
        """Returns its row, for people."""
        ...

    @property
    def file(self) -> str:
        """Returns its file, relative to the set's folder."""
        ...

    @property
    def stated(self) -> tuple[float, ...]:
        """Returns CheXpert's 14 labels: 1, 0, -1 (uncertain) or NaN (not mentioned)."""
        ...


Image = TypeVar("Image", bound=TableImage)


def usable_images(
    config: ReportLabelsConfig,
    images: Sequence[Image],
    tree: Tree,
    problems: Problems,
    counts: Counter[str],
    source: str,
) -> tuple[list[Image], Float32[np.ndarray, "n y"], dict[str, Any]]:
    """Chooses the images that have labels by the policy and a file; settles problems.

    Args:
        counts: of the listing; "rows" is the number of rows of the table.
        source: the section of the config, for messages.

    Returns:
        The images, their labels (0, 1, NaN), and what the policy did, JSON-ready.

    Raises:
        StudyError: no image is left, or problems, as the policy for them says.
    """
    stated = np.array([image.stated for image in images], np.float32)
    label, kept, facts = resolve(config, stated.reshape(-1, len(CHEST)))
    chosen = [image for image, keep in zip(images, kept, strict=True) if keep]
    files = [image.file for image in chosen]
    present = tree.present(files, lambda i: chosen[i].where, problems)
    problems.settle(counts["rows"], remedy=f"They are in {tree.root}.")
    if not present.any():
        raise StudyError(
            f"no image of {tree.root} is left of {counts['rows']} rows: {dict(counts)} "
            f"{facts}; look at config.data.{source}."
        )
    usable = [image for image, keep in zip(chosen, present, strict=True) if keep]
    return usable, label[kept][present], facts
