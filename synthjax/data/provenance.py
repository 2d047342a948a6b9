"""What a set says of itself: how its splits were made, and where it comes from.

A set may be handed on, so nothing here names a file or a folder of the user.
"""

from collections.abc import Mapping
from typing import Any

import synthjax
from synthjax.core.config import plain
from synthjax.core.public import public
from synthjax.data.config import DataConfig
from synthjax.data.listing import Listing
from synthjax.data.sources.ignored import SUCH_AS


def split_facts(config: DataConfig, listing: Listing, seed: int) -> dict[str, Any]:
    """Returns how the splits were made, for splits.json."""
    drawn = not config.cohort and listing.splits is None
    return {
        "seed": seed,
        "fractions": config.fractions if drawn else None,
        "patients_named": listing.has_patients,
        "pixels": plain(config.pixels) | {"resolution": config.resolution},
    }


def provenance(
    config: DataConfig, listing: Listing, seed: int, coloured: int
) -> dict[str, Any]:
    """Returns where the set comes from; the user's folders stay with the user."""
    names = {config.source, config.layout} - {""}
    settings = {name: public(config.section(name)) for name in sorted(names)}
    for section in settings.values():
        for place in ("path", "index"):
            section.pop(place, None)
    return {
        "source": config.source,
        "layout": config.layout,
        "settings": settings,
        "pixels": plain(config.pixels),
        "facts": {
            **_without_names(listing.facts),
            **({"images whose colour was dropped": coloured} if coloured else {}),
        },
        "seed": seed,
        "version": synthjax.__version__,
    }


def _without_names(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a source's facts without those that are lists of the user's files."""
    return {name: value for name, value in facts.items() if not name.endswith(SUCH_AS)}
