"""Times of a video's frames, against what ffmpeg itself decodes and repeats."""

import subprocess

import imageio.v2 as imageio
import imageio_ffmpeg
import numpy as np
import pytest

from posepile.images import ImageError
from posepile.video_times import video_times

N, SIZE = 12, 32


def write(path, fps):
    """Frames of N different greys; returns them."""
    greys = np.arange(N) * 18 + 20
    with imageio.get_writer(path, fps=fps, macro_block_size=1, quality=10) as writer:
        for grey in greys:
            writer.append_data(np.full((SIZE, SIZE, 3), grey, np.uint8))
    return greys


def filtered(path, rate, rounding):
    """The greys that ffmpeg's filter shows, [m]."""
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "error",
        "-i",
        str(path),
        "-vf",
        f"fps={rate}:round={rounding}",
    ]
    command += ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    data = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(data, np.uint8).reshape(-1, SIZE * SIZE).mean(axis=1)


@pytest.mark.parametrize(
    "name, fps", [("a.mp4", 59.94), ("a.mp4", 30), ("a.mkv", 50), ("a.avi", 30), ("a.mp4", 61.7)]
)
def test_shows_the_frames_that_ffmpeg_shows(tmp_path, name, fps):
    greys = write(tmp_path / name, fps)
    times = video_times(tmp_path / name)
    assert len(times) == N
    for rounding in ("up", "down"):
        expected = np.abs(filtered(tmp_path / name, 60, rounding)[:, np.newaxis] - greys).argmin(axis=1)
        np.testing.assert_array_equal(times.at_rate(60, rounding == "up"), expected, err_msg=rounding)


def test_what_is_no_video_is_named(tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    for name in ("text.mp4", "absent.mp4"):
        with pytest.raises(ImageError, match=name):
            video_times(tmp_path / name)
