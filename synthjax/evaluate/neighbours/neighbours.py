"""The real training images nearest to synthetic ones, and how near real ones come.

A generator that repeats its training set makes images that lie closer to training images
than images of other patients do. So every distance has its control: the same distance
from real test images, whose patients the training set does not hold. Nearness alone is
no proof of a copy, and none found is no proof of its absence.
"""

import dataclasses

import numpy as np
from jaxtyping import Float, Int, UInt

from synthjax.classifier.predict import load_classifier, make_predict, predict
from synthjax.core import rng
from synthjax.core.clock import say
from synthjax.data.images.pixels import unit
from synthjax.data.store.loader import Table
from synthjax.evaluate.inputs import Inputs
from synthjax.evaluate.neighbours.config import NeighboursConfig
from synthjax.evaluate.neighbours.strips import Nearest, Tables, write_strips
from synthjax.evaluate.results.neighbours import (
    DistanceCurve,
    Nearness,
    Neighbours,
    Quantiles,
)
from synthjax.metrics.knn import DistanceName, nearest
from synthjax.statistics.interval import Interval
from synthjax.statistics.proportion import clopper_pearson

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95)
CLOSE = 0.01  # quantile of the real test images' distances that counts as close
CURVE_POINTS = 51  # of the distributions for a figure
MAX_SIDE = 32  # of the averaged pixels
FOLDER = "neighbours"  # of the pictures


@dataclasses.dataclass(frozen=True)
class Space:
    """Vectors of the images, and how the distance of two is measured."""

    words: str  # for people, such as "pixels averaged to 32x32"
    unit: str  # of the distance, for people
    distance: DistanceName
    scale: float  # from the named distance to the unit
    train: Float[np.ndarray, "n d"]
    synthetic: Float[np.ndarray, "s d"]
    test: Float[np.ndarray, "t d"]


def measure_neighbours(config: NeighboursConfig, inputs: Inputs) -> Neighbours | None:
    """Measure distances to the nearest training images, and draw strips of pictures.

    Two distances: one minus the cosine of the pooled features of the first real-trained
    classifier, as DuMont Schütte et al. 2021 (arXiv:2012.03769), which sees what matters
    for the labels and nothing else; and the root mean square difference of pixels (0
    black to 1 white) averaged to at most 32 x 32, which sees the whole image coarsely.
    The synthetic images are of the training split, as it would be shared.

    Returns:
        None if `config.images` is 0.

    Raises:
        StudyError: a set or the classifier is missing, or features are not finite.
    """
    if not config.images:
        return None
    tables = Tables(
        train=inputs.real.table("train"),
        synthetic=_draw(
            inputs.synthetic.table("train"),
            config.images,
            rng.host_generator(inputs.seed, "neighbours of synthetic images"),
        ),
        test=_draw(
            inputs.test,
            config.controls,
            rng.host_generator(inputs.seed, "neighbours of test images"),
        ),
    )
    own = _own_features(tables, config.batch_size, inputs)
    spaces = {"own": own, "pixels": _averaged_pixels(tables)}
    found = {name: _search(space, config.k) for name, space in spaces.items()}
    measured = {name: _nearness(one, inputs.level) for name, one in found.items()}
    if inputs.devices.is_main:
        for name, space in spaces.items():
            share = measured[name].closer_than_real_1pct.value
            say(
                f"neighbours by {space.words}: {100 * share:.1f} % of synthetic images "
                f"closer to a training image than {100 * (1 - CLOSE):g} % of real ones"
            )
        write_strips(
            found,
            tables,
            inputs.real.schema.labels,
            strips=config.strips,
            seed=inputs.seed,
            out=inputs.out / FOLDER,
        )
    return Neighbours(
        encoder=f"own: classifier real/seed0, {own.train.shape[1]}d",
        n=len(tables.synthetic),
        n_test=len(tables.test),
        n_train=len(tables.train),
        own=measured["own"],
        pixels=measured["pixels"],
        sheet=f"{FOLDER}/sheet.json",
    )


def _draw(table: Table, count: int, generator: np.random.Generator) -> Table:
    """Draw at most `count` images evenly, by ascending id."""
    if len(table) <= count:
        return table
    rows = np.sort(generator.choice(len(table), count, replace=False))
    return Table(**vars(table.take(rows)), pixels=table.pixels[rows])


def _own_features(tables: Tables, batch_size: int, inputs: Inputs) -> Space:
    """Return pooled features of the first real-trained classifier."""
    devices = inputs.devices
    network, params, _ = load_classifier(inputs.classifier / "real" / "seed0")
    step, params = make_predict(network.features, devices), devices.replicate(params)
    train, synthetic, test = (
        predict(step, params, table.pixels, batch_size=batch_size, devices=devices)
        for table in (tables.train, tables.synthetic, tables.test)
    )
    return Space(
        words="features of the real-trained classifier",
        unit="1 - cosine",
        distance="cosine",
        scale=1,
        train=train,
        synthetic=synthetic,
        test=test,
    )


def _averaged_pixels(tables: Tables) -> Space:
    resolution, channels = tables.train.pixels.shape[2:]
    side = resolution // _factor(resolution)
    return Space(
        words=f"pixels averaged to {side}x{side}",
        unit="root mean square difference (white is 1)",
        distance="euclidean",
        scale=(side * side * channels) ** -0.5,
        train=averaged(tables.train.pixels),
        synthetic=averaged(tables.synthetic.pixels),
        test=averaged(tables.test.pixels),
    )


def averaged(pixels: UInt[np.ndarray, "n h w c"]) -> Float[np.ndarray, "n d"]:
    """Return means of square blocks, at most 32 x 32 of them, 0 black to 1 white."""
    n, height, width, channels = pixels.shape
    step = _factor(height)
    shape = (-1, height // step, step, width // step, step, channels)
    parts = [
        unit(pixels[start : start + 256]).reshape(shape).mean(axis=(2, 4))
        for start in range(0, n, 256)
    ]
    return np.concatenate(parts).reshape(n, -1)


def _factor(resolution: int) -> int:
    """Return the least divisor of the resolution that leaves at most 32 blocks."""
    least = -(-resolution // MAX_SIDE)
    return next(f for f in range(least, resolution + 1) if resolution % f == 0)


def _search(space: Space, k: int) -> Nearest:
    def search(
        query: Float[np.ndarray, "q d"],
    ) -> tuple[Float[np.ndarray, "q k"], Int[np.ndarray, "q k"]]:
        distance, row = nearest(
            query, space.train, k=min(k, len(space.train)), metric=space.distance
        )
        return distance * space.scale, row

    synthetic, synthetic_row = search(space.synthetic)
    test, test_row = search(space.test)
    return Nearest(space.words, space.unit, synthetic, synthetic_row, test, test_row)


def _nearness(found: Nearest, level: float) -> Nearness:
    synthetic, test = found.synthetic[:, 0], found.test[:, 0]
    shares = np.linspace(0, 1, CURVE_POINTS)
    return Nearness(
        distance=f"{found.unit}, {found.words}",
        synthetic_to_train=_quantiles(synthetic),
        test_to_train=_quantiles(test),
        closer_than_real_1pct=share_close(synthetic, test, level),
        curve=DistanceCurve(
            level=tuple(round(float(share), 4) for share in shares),
            synthetic=tuple(np.quantile(synthetic, shares).tolist()),
            test=tuple(np.quantile(test, shares).tolist()),
        ),
    )


def share_close(
    synthetic: Float[np.ndarray, " s"], test: Float[np.ndarray, " t"], level: float
) -> Interval:
    """Estimate the share of synthetic images nearer than 99 % of real test images.

    The interval is Clopper and Pearson's: the synthetic images are drawn independently,
    and the quantile is taken as it is. About 1 % is what a generator has that does as
    well as the real distribution.
    """
    close = int(np.sum(synthetic < np.quantile(test, CLOSE)))
    low, high = clopper_pearson(close, len(synthetic), level)
    return Interval(close / len(synthetic), low, high)


def _quantiles(distance: Float[np.ndarray, " q"]) -> Quantiles:
    values = np.quantile(distance, QUANTILES)
    pairs = zip(QUANTILES, values, strict=True)
    return Quantiles(quantiles={f"{share:g}": float(value) for share, value in pairs})
