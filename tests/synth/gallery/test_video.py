"""Videos hold the frames they are given; without ffmpeg there is a clear way out."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageSequence

from synthjax.core.errors import StudyError
from synthjax.core.logbook import save_png
from synthjax.synth.gallery.video import (
    caption,
    enlarge,
    find_ffmpeg,
    training_frames,
    training_sheets,
    write_mp4,
    write_video,
)

RANDOM = np.random.default_rng(0)


def frames_of(path):
    with Image.open(path) as image:
        return [
            np.asarray(frame.convert("L")) for frame in ImageSequence.Iterator(image)
        ]


def test_a_gif_keeps_grey_frames_exactly(tmp_path):
    frames = [RANDOM.integers(0, 256, (15, 21, 1), np.uint8) for _ in range(5)]
    path = tmp_path / "new" / "walk.gif"
    assert write_video(path, iter(frames), fps=20) == 5
    found = frames_of(path)
    np.testing.assert_array_equal(found, np.stack(frames)[..., 0])
    with Image.open(path) as image:
        assert (image.info["duration"], image.info["loop"]) == (50, 0)
    assert [p.name for p in path.parent.iterdir()] == ["walk.gif"]


@pytest.fixture
def ffmpeg():
    program = find_ffmpeg()
    if program is None:
        pytest.skip("needs the extra video")
    return program


@pytest.mark.parametrize("channels", [1, 3])
def test_an_mp4_holds_the_frames(tmp_path, channels, ffmpeg):
    smooth = np.linspace(0, 200, 33 * 47).reshape(33, 47, 1)
    frames = [(smooth + 5 * i).astype(np.uint8).repeat(channels, 2) for i in range(6)]
    path = tmp_path / "walk.mp4"
    assert write_video(path, iter(frames), fps=12) == 6
    decode = ["-i", str(path), "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    done = subprocess.run([ffmpeg, *decode], check=True, capture_output=True)
    assert b"12 fps" in done.stderr
    found = np.frombuffer(done.stdout, np.uint8).reshape(6, 34, 48)[:, :33, :47]
    error = found.astype(float) - np.stack(frames)[..., 0]
    assert np.abs(error).mean(axis=(1, 2)).max() < 2  # grey levels; H.264 has a loss
    assert [p.name for p in tmp_path.iterdir()] == ["walk.mp4"]


def test_a_failure_of_ffmpeg_is_passed_on(tmp_path, ffmpeg):
    frames = itertools.repeat(RANDOM.integers(0, 256, (64, 64, 1), np.uint8), 100)
    with pytest.raises(StudyError, match="ffmpeg cannot write it: .*No such file"):
        write_mp4(tmp_path / "no" / "walk.mp4", frames, fps=24)


def test_without_ffmpeg_the_way_out_is_said_before_a_frame_is_drawn(
    tmp_path, monkeypatch
):
    def frames():
        raise AssertionError("asked for a frame")
        yield

    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StudyError, match=r"synthjax\[video\].*\.gif needs nothing"):
        write_video(tmp_path / "walk.mp4", frames())
    with pytest.raises(StudyError, match=r"walk.avi: .* \.mp4 or \.gif"):
        write_video(tmp_path / "walk.avi", frames())


def test_no_frames_and_a_failure_leave_nothing(tmp_path):
    def failing():
        yield np.zeros((4, 4, 1), np.uint8)
        raise KeyboardInterrupt

    with pytest.raises(StudyError, match="no frames"):
        write_video(tmp_path / "walk.gif", [])
    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / "walk.gif", failing())
    assert not list(tmp_path.iterdir())


def test_enlarge_and_caption():
    sheet = RANDOM.integers(0, 256, (3, 40, 3), np.uint8)
    np.testing.assert_array_equal(enlarge(sheet, (2, 10)), sheet)
    large = enlarge(sheet, (100, 160))
    assert large.shape == (12, 160, 3)
    np.testing.assert_array_equal(large[1::4, 2::4], sheet)
    named = caption(large, "Edema=0.5")
    np.testing.assert_array_equal(named[:12], large)
    assert named[12:].max() > 100 and np.any(named != caption(large, "Edema=0.6"))


def test_the_training_video_goes_by_kimg_and_grows(tmp_path):
    for name, size, grey in (("000012", 8, 50), ("000002", 4, 20), ("real", 8, 90)):
        save_png(tmp_path / f"{name}.png", np.full((size, 2 * size, 1), grey, np.uint8))
    (tmp_path / "labels.json").write_text("{}")
    assert [p.stem for p in training_sheets(tmp_path)] == ["000002", "000012"]
    frames = list(training_frames(tmp_path, count=5))
    assert [int(frame[0, 0, 0]) for frame in frames] == [20, 20, 50, 50]
    assert {frame.shape for frame in frames} == {(80 * 8 + 16, 80 * 16, 1)}
    np.testing.assert_array_equal(frames[0][:640], 20)
    save_png(tmp_path / "000030.png", np.full((8, 16, 3), 70, np.uint8))
    frames = list(training_frames(tmp_path, count=1))
    assert len(frames) == 3 and frames[0].shape == (80 * 8 + 16, 80 * 16, 3)


def test_no_sheets_is_a_clear_error(tmp_path):
    with pytest.raises(StudyError, match="run the gan stage"):
        list(training_frames(tmp_path, count=1))
