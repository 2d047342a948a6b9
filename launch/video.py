"""Films a generator, or its training.

    python -m launch.video --config=... --workdir=... --labels="none;Edema" --out=a.mp4

--shows=latents: a row for each label vector, whose images go round in latent space;
labels: the labels go from vector to vector and back; training: the sheets in gan/.
"""

from collections.abc import Iterator

import numpy as np
from absl import flags
from jaxtyping import UInt8

from synthjax.gan.generator import load_generator
from synthjax.synth.gallery import pictures, video
from synthjax.synth.gallery.label_words import parse_many, words

from .study import Launch, launch

_KINDS = ["latents", "labels", "training"]
_SHOWS = flags.DEFINE_enum("shows", "latents", _KINDS, "What moves.")
_LABELS = flags.DEFINE_string("labels", "", "As launch.sample takes them.")
_PSI = flags.DEFINE_float("psi", None, "Truncation; by default config.synth.psi.")
_COUNT = flags.DEFINE_integer("count", 6, "Latents, one for each column.", 1, 1024)
_SEED = flags.DEFINE_integer("seed", 0, "Added to the study's: other latents.", 0)
_STEP = flags.DEFINE_integer("step", 0, "Checkpoint to draw from; 0 is the newest.", 0)
_SECONDS = flags.DEFINE_float("seconds", 8.0, "How long it plays.", 0.1)
_FPS = flags.DEFINE_integer("fps", 24, "Frames per second.", 1, 60)
_OUT = flags.DEFINE_string("out", "video.gif", "An .mp4 (extra `video`) or a .gif.")


def frames(this: Launch, count: int) -> Iterator[UInt8[np.ndarray, "h w c"]]:
    """Returns the requested frames, about `count` of them."""
    gan, synth = this.study.path("gan"), this.sections["synth"]
    if _SHOWS.value == "training":
        return video.training_frames(gan / "samples", count=count)
    generator = load_generator(gan, _STEP.value)
    label = parse_many(_LABELS.value, generator.labels)
    (psi,) = pictures.read_psis([synth.psi if _PSI.value is None else _PSI.value])
    walker = pictures.Walker(generator, seed=this.seed + synth.seed + _SEED.value)
    legs = pictures.STOPS if _SHOWS.value == "latents" else len(label)
    walk = {"count": _COUNT.value, "steps": max(1, round(count / legs)), "psi": psi}
    if _SHOWS.value == "latents":
        return map(video.enlarge, pictures.latent_frames(walker, label, **walk))
    return (
        video.caption(video.enlarge(sheet), words(row.round(2), generator.labels))
        for row, sheet in pictures.label_frames(walker, label, **walk)
    )


def run(this: Launch) -> None:
    """Draws, writes, and says where."""
    path, fps = this.output(_OUT.value), _FPS.value
    video.check_video(path)
    count = video.write_video(path, frames(this, round(_SECONDS.value * fps)), fps=fps)
    print(f"{count} frames, {count / fps:.1f} s: {path}")


def main() -> None:
    """The command."""
    launch(run, alone=False)


if __name__ == "__main__":
    main()
