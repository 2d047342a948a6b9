"""The real training images nearest to synthetic ones, and how near real ones come.

A generator that repeats its training set makes images that lie closer to training images
than images of other patients do. So every distance has its control: the same distance
from real test images, whose patients the training set does not hold. Nearness alone is
no proof of a copy, and none found is no proof of its absence.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt

from synthjax.classifier.predict import load_classifier, make_predict, predict
from synthjax.core.clock import say
from synthjax.core.devices import Devices
from synthjax.core.errors import ConfigError
from synthjax.data.images.pixels import unit
from synthjax.data.store.loader import Table, read_schema, read_split
from synthjax.evaluate.neighbours.strips import Found, write_strips
from synthjax.metrics.knn import DistanceName, nearest
from synthjax.statistics.interval import Interval
from synthjax.statistics.proportion import clopper_pearson

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95)
CLOSE = 0.01  # quantile of the real test images' distances that counts as close
_CURVE = 51  # points of the distributions for a figure
_SIDE = 32  # longest side of the averaged pixels


@dataclasses.dataclass(frozen=True)
class NeighboursConfig:
    """How many images are looked at, and how many are shown."""

    images: int = 1000  # synthetic training images looked at, at most; 0: leave out
    controls: int = 4000  # real test images looked at for comparison, at most
    k: int = 3  # nearest training images shown of each
    strips: int = 6  # images shown of each choice
    batch_size: int = 256  # images in a batch of the classifier, over all devices

    def __post_init__(self) -> None:
        if self.images < 0:
            raise ConfigError(f"images={self.images}: must be 0 (leave out) or more")
        for name in ("controls", "k", "strips", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}={getattr(self, name)}: must be at least 1")


@dataclasses.dataclass(frozen=True)
class _Space:
    """One way to measure how near two images are."""

    words: str  # for people, such as "pixels averaged to 32x32"
    unit: str  # of the distance, for people
    metric: DistanceName
    scale: float  # from the metric's distance to the unit
    train: Float[np.ndarray, "n d"]
    synthetic: Float[np.ndarray, "s d"]
    test: Float[np.ndarray, "t d"]


def measure_neighbours(
    config: NeighboursConfig,
    *,
    level: float,
    seed: int,
    data: Path,
    synth: Path,
    classifier: Path,
    out: Path,
    devices: Devices,
) -> dict[str, Any] | None:
    """Distances to the nearest training images; strips of pictures in `out`.

    Two distances: one minus the cosine of the pooled features of the first real-trained
    classifier, as DuMont Schütte et al. 2021 (arXiv:2012.03769), which sees what matters
    for the labels and nothing else; and the root mean square difference of pixels (0
    black to 1 white) averaged to at most 32 x 32, which sees the whole image coarsely.
    The synthetic images are of the training split, as it would be shared.

    Args:
        config: the section config.evaluate.neighbours.
        level: coverage of the interval of the share of close images.
        seed: of the study; fixes which images are looked at.
        data, synth: the real and the synthetic set.
        classifier: the classifier stage's directory.
        out: where strips and sheet.json are written.
        devices: where the classifier runs.

    Returns:
        The key "neighbours" of results.json; None if `config.images` is 0.

    Raises:
        StudyError: a set or the classifier is missing, or features are not finite.
    """
    if not config.images:
        return None
    names = read_schema(data).labels
    train = read_split(data, "train")
    synthetic = _draw(read_split(synth, "train"), config.images, seed)
    test = _draw(read_split(data, "test"), config.controls, seed)
    tables = (train, synthetic, test)
    encoder, own = _own_features(classifier, tables, config.batch_size, devices)
    spaces = {"own": own, "pixels": _pixels(tables)}
    measured, found = {}, {}
    for name, space in spaces.items():
        found[name] = _search(space, config.k)
        measured[name] = _numbers(found[name], level)
        if devices.is_main:
            share = measured[name]["closer_than_real_1pct"]["value"]
            say(
                f"neighbours by {space.words}: {100 * share:.1f} % of synthetic images "
                f"closer to a training image than {100 * (1 - CLOSE):g} % of real ones"
            )
    if devices.is_main:
        write_strips(found, tables, names, strips=config.strips, seed=seed, out=out)
    return {
        "encoder": encoder,
        "n": len(synthetic),
        "n_test": len(test),
        "n_train": len(train),
        **measured["own"],
        "pixels": measured["pixels"],
        "sheet": f"{out.name}/sheet.json",
    }


def _draw(table: Table, count: int, seed: int) -> Table:
    """At most `count` rows, drawn evenly by the seed, by ascending id."""
    if len(table) <= count:
        return table
    generator = np.random.default_rng([seed, len(table)])
    rows = np.sort(generator.choice(len(table), count, replace=False))
    return Table(**vars(table.take(rows)), pixels=table.pixels[rows])


def _own_features(
    classifier: Path, tables: tuple[Table, ...], batch_size: int, devices: Devices
) -> tuple[str, _Space]:
    """Pooled features of the first real-trained classifier, and its name."""
    network, params, _ = load_classifier(classifier / "real" / "seed0")
    step, params = make_predict(network.features, devices), devices.replicate(params)
    features = [
        predict(step, params, table.pixels, batch_size=batch_size, devices=devices)
        for table in tables
    ]
    name = f"own: classifier real/seed0, {features[0].shape[1]}d"
    return name, _Space(
        "features of the real-trained classifier", "1 - cosine", "cosine", 1, *features
    )


def _pixels(tables: tuple[Table, ...]) -> _Space:
    vectors = [averaged(table.pixels) for table in tables]
    resolution, channels = tables[0].pixels.shape[2:]
    side = resolution // _factor(resolution)
    return _Space(
        f"pixels averaged to {side}x{side}",
        "root mean square difference (white is 1)",
        "euclidean",
        (side * side * channels) ** -0.5,
        *vectors,
    )


def averaged(pixels: UInt[np.ndarray, "n h w c"]) -> Float[np.ndarray, "n d"]:
    """Means of square blocks, 0 black to 1 white, at most 32 x 32 of them, float32."""
    n, height, width, channels = pixels.shape
    step = _factor(height)
    shape = (-1, height // step, step, width // step, step, channels)
    parts = [
        unit(pixels[start : start + 256]).reshape(shape).mean(axis=(2, 4))
        for start in range(0, n, 256)
    ]
    return np.concatenate(parts).reshape(n, -1)


def _factor(resolution: int) -> int:
    """The least whole part of the resolution that leaves at most 32 blocks."""
    least = -(-resolution // _SIDE)
    return next(f for f in range(least, resolution + 1) if resolution % f == 0)


def _search(space: _Space, k: int) -> Found:
    def search(query: Float[np.ndarray, "q d"]) -> tuple[np.ndarray, np.ndarray]:
        distance, row = nearest(
            query, space.train, k=min(k, len(space.train)), metric=space.metric
        )
        return distance * space.scale, row

    synthetic, synthetic_row = search(space.synthetic)
    test, test_row = search(space.test)
    return Found(space.words, space.unit, synthetic, synthetic_row, test, test_row)


def _numbers(found: Found, level: float) -> dict[str, Any]:
    synthetic, test = found.synthetic[:, 0], found.test[:, 0]
    levels = np.linspace(0, 1, _CURVE)
    return {
        "distance": f"{found.unit}, {found.words}",
        "synthetic_to_train": _quantiles(synthetic),
        "test_to_train": _quantiles(test),
        "closer_than_real_1pct": share_close(synthetic, test, level).numbers(),
        "curve": {
            "level": [round(float(x), 4) for x in levels],
            "synthetic": np.quantile(synthetic, levels).tolist(),
            "test": np.quantile(test, levels).tolist(),
        },
    }


def share_close(
    synthetic: Float[np.ndarray, " s"], test: Float[np.ndarray, " t"], level: float
) -> Interval:
    """The share of synthetic images nearer than the 1 % quantile of real test images.

    The interval is Clopper and Pearson's: the synthetic images are drawn independently,
    and the quantile is taken as it is. About 1 % is what a generator has that does as
    well as the real distribution.
    """
    close = int(np.sum(synthetic < np.quantile(test, CLOSE)))
    low, high = clopper_pearson(close, len(synthetic), level)
    return Interval(close / len(synthetic), low, high)


def _quantiles(distance: Float[np.ndarray, " q"]) -> dict[str, dict[str, float]]:
    values = np.quantile(distance, QUANTILES)
    pairs = zip(QUANTILES, values, strict=True)
    return {"quantiles": {f"{level:g}": float(value) for level, value in pairs}}
