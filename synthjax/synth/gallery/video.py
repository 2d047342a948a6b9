"""Writes frames as a film: .mp4 by ffmpeg (the extra `video`), .gif by Pillow."""

import contextlib
import itertools
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from synthjax.core.errors import StudyError

SUFFIXES = (".mp4", ".gif")
ROOM = (720, 1280)  # height and width to which small sheets are enlarged, px
_CRF = "18"  # H.264's quality; 0 is lossless, and about 18 looks so
_CAPTION = 16  # height of a line of text, px
_CAPTION_INK = 200  # grey of its letters


def check_video(path: Path) -> None:
    """Raises StudyError if a video cannot be written to such a path on this machine."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise StudyError(f"{path}: a video is written as {' or '.join(SUFFIXES)}")
    if suffix == ".mp4" and find_ffmpeg() is None:
        raise StudyError(
            f"{path}: .mp4 needs ffmpeg: pip install 'synthjax[video]', which brings "
            "one, or install ffmpeg on the system; a .gif needs nothing"
        )


def find_ffmpeg() -> str | None:
    """Returns the program of the extra `video`, else the system's, else None."""
    try:
        import imageio_ffmpeg

        return imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError):  # RuntimeError: it brings none for this machine
        return shutil.which("ffmpeg")


def write_video(
    path: Path, frames: Iterable[UInt8[np.ndarray, "h w c"]], *, fps: int = 24
) -> int:
    """Writes frames of one size, grey or RGB, one after the other; returns their number.

    A .gif repeats for ever, keeps grey values exactly and RGB in 256 colours, and has a
    time step of 1/100 s. An .mp4 is H.264; odd sizes get a black row or column.

    Raises:
      StudyError: another suffix, no ffmpeg for .mp4 (both before the first frame is
        asked for), or no frames.
    """
    path = Path(path)
    check_video(path)
    count = 0

    def counted() -> Iterator[UInt8[np.ndarray, "h w c"]]:
        nonlocal count
        for frame in frames:
            count += 1
            yield frame

    running = counted()
    first = next(running, None)
    if first is None:
        raise StudyError(f"{path}: there are no frames to write")
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside its place first, so that a stopped run leaves no half of a video there.
    temporary = path.with_name(f".{path.stem}.tmp{path.suffix.lower()}")
    write = write_mp4 if path.suffix.lower() == ".mp4" else write_gif
    try:
        write(temporary, itertools.chain([first], running), fps)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return count


def write_mp4(
    path: Path, frames: Iterator[UInt8[np.ndarray, "h w c"]], fps: int
) -> None:
    """Writes at least one frame as H.264; raises StudyError with ffmpeg's words."""
    first = next(frames)
    height, width, channels = first.shape
    read = "-f rawvideo -pix_fmt {} -s {}x{} -r {} -i -".format(
        "gray" if channels == 1 else "rgb24", width, height, fps
    )
    # yuv420p is what browsers play; its sizes are even.
    write = (
        f"-vf pad=ceil(iw/2)*2:ceil(ih/2)*2 -c:v libx264 -pix_fmt yuv420p -crf {_CRF}"
    )
    command = [str(find_ffmpeg()), "-y", "-loglevel", "error", *read.split()]
    with tempfile.TemporaryFile() as log:
        # A broken pipe: it has stopped, and says why.
        with (
            contextlib.suppress(BrokenPipeError),
            subprocess.Popen(
                [*command, *write.split(), str(path)],
                stdin=subprocess.PIPE,
                stderr=log,
            ) as ffmpeg,
        ):
            assert ffmpeg.stdin is not None
            for frame in itertools.chain([first], frames):
                ffmpeg.stdin.write(np.ascontiguousarray(frame).tobytes())
        if ffmpeg.wait():
            log.seek(0)
            words = log.read().decode(errors="replace").strip()
            raise StudyError(f"{path}: ffmpeg cannot write it: {words}")


def write_gif(
    path: Path, frames: Iterator[UInt8[np.ndarray, "h w c"]], fps: int
) -> None:
    """Writes at least one frame as GIF."""
    images = (_pillow(frame) for frame in frames)
    with open(path, "wb") as file:
        next(images).save(
            file,
            format="GIF",
            save_all=True,
            append_images=images,
            duration=round(1000 / fps),
            loop=0,
        )


def _pillow(frame: UInt8[np.ndarray, "h w c"]) -> Image.Image:
    return Image.fromarray(frame[..., 0] if frame.shape[-1] == 1 else frame)


def enlarge(
    sheet: UInt8[np.ndarray, "h w c"], room: tuple[int, int] = ROOM
) -> UInt8[np.ndarray, "H W c"]:
    """Repeats pixels as often as lets the sheet fit `room`, height and width in px."""
    height, width, _ = sheet.shape
    times = max(1, min(room[0] // height, room[1] // width))
    return sheet.repeat(times, axis=0).repeat(times, axis=1)


def caption(sheet: UInt8[np.ndarray, "h w c"], text: str) -> UInt8[np.ndarray, "H w c"]:
    """Returns the sheet over a line of text that is cut off where the sheet ends."""
    _, width, channels = sheet.shape
    image = Image.new("L", (width, _CAPTION), 0)
    font = ImageFont.load_default(size=_CAPTION - 5)
    ImageDraw.Draw(image).text((2, 1), text, fill=_CAPTION_INK, font=font)
    line = np.repeat(np.asarray(image)[..., None], channels, axis=2)
    return np.concatenate([sheet, line])


def training_frames(
    samples: Path, *, count: int
) -> Iterator[UInt8[np.ndarray, "h w c"]]:
    """Yields the sheets of a training run in order; latents and labels are the same.

    Args:
      samples: the folder samples/ of a gan directory; a sheet's name is its kimg.
      count: frames in all, spread evenly; each sheet has at least one.

    Yields:
      frames of one size, the largest sheet's enlarged, with the kimg under the sheet.

    Raises:
      StudyError: there are no sheets.
    """
    opened = {path: _open(path) for path in training_sheets(samples)}
    width = max(image.width for image in opened.values())
    height = max(image.height for image in opened.values())
    colour = any(image.mode == "RGB" for image in opened.values())
    for path, image in opened.items():
        image = image.convert("RGB" if colour else "L")
        image = image.resize((width, height), Image.Resampling.NEAREST)
        sheet = np.asarray(image).reshape(height, width, -1)
        frame = caption(enlarge(sheet), f"{int(path.stem)} kimg")
        yield from itertools.repeat(frame, max(1, round(count / len(opened))))


def training_sheets(samples: Path) -> list[Path]:
    """Returns the sheets of a training run, by kimg.

    Raises:
      StudyError: there are none.
    """
    sheets = [path for path in samples.glob("*.png") if path.stem.isdecimal()]
    if not sheets:
        raise StudyError(
            f"{samples} holds no sheets of samples; run the gan stage "
            "(config.gan.grid_kimg says how often it writes one)"
        )
    return sorted(sheets, key=lambda path: int(path.stem))


def _open(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image
