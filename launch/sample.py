"""Draws a picture from a trained generator, for the labels that you name.

    python -m launch.sample --config=configs/phantom_chest.py --workdir=runs/phantom \
        --labels="none;Cardiomegaly,Edema=0.5" --psi=0.7 --count=8 --out=grid.png

A row for each label vector (they are separated by semicolons), the same latents in
each. With --psis=0,0.5,1 there is a column for each truncation, and a row for each
label vector and latent.

    python -m launch.sample --config=... --workdir=... --invert=ID,ID --split=test

searches the styles whose images are nearest to these real images of the study (GAN
inversion). The picture has a column for each, real over inverted, and beside it is a
.json with the loss of each.
"""

from pathlib import Path

from absl import flags

from synthjax.core.logbook import grid, save_png
from synthjax.data.dataset import Dataset
from synthjax.data.schema import SPLITS
from synthjax.gan.generator import Generator, load_generator
from synthjax.synth.gallery.label_words import parse_many
from synthjax.synth.gallery.pictures import (
    describe_sheet,
    label_grid,
    read_psis,
    truncations,
)
from synthjax.synth.inversion.config import InversionConfig
from synthjax.synth.inversion.sheet import invert_images
from synthjax.synth.sample import Sampler

from .study import Launch, launch

_LABELS = flags.DEFINE_string("labels", "", "As above; a name alone is 1, none is 0.")
_PSI = flags.DEFINE_float("psi", None, "Truncation; by default config.synth.psi.")
_PSIS = flags.DEFINE_list("psis", None, "Truncations, one for each column.")
_COUNT = flags.DEFINE_integer("count", 8, "Latents to draw with.", 1, 1024)
_SEED = flags.DEFINE_integer("seed", 0, "Added to the study's: other latents.", 0)
_STEP = flags.DEFINE_integer("step", 0, "Checkpoint to draw from; 0 is the newest.", 0)
_INVERT = flags.DEFINE_list("invert", None, "Ids of real images to come close to.")
_SPLIT = flags.DEFINE_enum("split", "test", SPLITS, "Split of these images.")
_SEARCH = flags.DEFINE_integer("search", 500, "Updates of the search for each.", 1)
_OUT = flags.DEFINE_string("out", "sample.png", "The picture to write, a PNG.")


def run(this: Launch) -> None:
    """Draws, writes, and says what is where."""
    out = this.output(_OUT.value)
    generator = load_generator(this.study.path("gan"), _STEP.value)
    if _INVERT.value:
        invert(this, generator, out)
        return
    synth, count = this.sections["synth"], _COUNT.value
    rows = parse_many(_LABELS.value, generator.labels)
    sampler = Sampler(
        generator,
        seed=this.seed + synth.seed + _SEED.value,
        bits=8,
        devices=this.devices,
        batch_size=min(synth.batch_size, len(rows) * count),
    )
    psis = read_psis(_PSIS.value or [synth.psi if _PSI.value is None else _PSI.value])
    if _PSIS.value:
        images = truncations(sampler, rows, psis=psis, rows=count)
    else:
        images = label_grid(sampler, rows, count=count, psi=psis[0])
    if this.devices.is_main:
        wide = bool(_PSIS.value)
        save_png(out, grid(images, len(psis) if wide else count))
        print(describe_sheet(generator, rows, psis=psis, count=count, psi_columns=wide))
        print(f"picture: {out}")


def invert(this: Launch, generator: Generator, out: Path) -> None:
    """Searches for the real images of --invert, writes, and says how near it came."""
    sheet = invert_images(
        generator,
        Dataset.open(this.study.path("data")),
        _SPLIT.value,
        _INVERT.value,
        seed=this.seed + _SEED.value,
        config=InversionConfig(steps=_SEARCH.value),
    )
    if this.devices.is_main:
        sheet.write(out)
        for column, image in enumerate(sheet.numbers["images"], 1):
            print(
                f"column {column}: {image['id']}, loss {image['loss']:.4f} "
                f"(mean style {image['loss_of_mean_style']:.4f})"
            )
        print(f"picture: {out}")


def main() -> None:
    """The command."""
    launch(run, alone=False)


if __name__ == "__main__":
    main()
