"""Photos and videos as files: frames in, frames out, RGB."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
from PIL import Image

PHOTO_ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"}
VIDEO_ENDINGS = {".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v"}
USUAL_FPS = 25.0
COMPLETE = 0.9  # of the stated frames: durations and rates are rounded
EXIF_ORIENTATION, UPRIGHT = 0x0112, 1


class MediaError(ValueError):
    """A file that is no readable photo or video; names the file and what was expected."""


@dataclass(frozen=True)
class Video:
    """A video that is open for reading.

    size: (width, height) px; fps: the stated rate; frames: index at that rate and image [H, W, 3] uint8 RGB, one
    at a time, once; count: about how many, None if that is not known.
    """

    size: tuple[int, int]
    fps: float
    frames: Iterator[tuple[int, np.ndarray]]
    count: int | None = None


def is_video(path: Path) -> bool:
    """Whether the file's ending is that of a video. Raises MediaError if it is neither photo nor video."""
    if not path.is_file():
        raise MediaError(f"{path}: no such file")
    if not is_known(path):
        known = ", ".join(sorted(PHOTO_ENDINGS | VIDEO_ENDINGS))
        raise MediaError(f"{path}: ending {path.suffix.lower()!r}, expected one of {known}")
    return path.suffix.lower() in VIDEO_ENDINGS


def is_known(path: Path) -> bool:
    """Whether the file's ending is that of a photo or a video."""
    return path.suffix.lower() in PHOTO_ENDINGS | VIDEO_ENDINGS


def read_photo(path: Path) -> np.ndarray:
    """[H, W, 3] uint8 RGB, turned as its EXIF tag says. Grey becomes RGB, alpha is dropped.

    Raises MediaError.
    """
    data = np.frombuffer(path.read_bytes(), np.uint8)
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error as error:  # e.g. more pixels than OpenCV allows
        raise MediaError(f"{path}: not a readable image ({error.err})") from error
    if image is None:
        raise MediaError(f"{path}: not a readable image, expected a whole {path.suffix} file")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def exif_orientation(path: Path) -> int:
    """The EXIF tag that says how a readable photo is turned to be upright: 1 to 8, 1 for not at all."""
    try:
        with Image.open(path) as photo:
            return int(photo.getexif().get(EXIF_ORIENTATION, UPRIGHT))
    except (OSError, ValueError, Image.DecompressionBombError):  # what Pillow cannot read OpenCV did not turn
        return UPRIGHT


def write_photo(path: Path, image: np.ndarray) -> None:
    """Writes [H, W, 3] uint8 RGB in the format of the file's ending."""
    if not cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR)):
        raise OSError(f"{path}: could not be written")


@contextlib.contextmanager
def open_video(path: Path) -> Iterator[Video]:
    """Opens a video for reading, turned as its metadata says.

    Raises MediaError if it is no video, and after the last frame if there was none or far fewer than stated.
    """
    stream = imageio_ffmpeg.read_frames(str(path))
    with contextlib.closing(stream):
        try:
            facts = next(stream)
        except (OSError, RuntimeError) as error:
            raise MediaError(f"{path}: not a readable video ({_last_line(error)})") from error
        count = round(facts["duration"] * facts["fps"]) or None
        yield Video(facts["size"], facts["fps"] or USUAL_FPS, _frames(path, stream, facts), count)


@contextlib.contextmanager
def video_writer(path: Path, fps: float) -> Iterator[Callable[[np.ndarray], None]]:
    """Yields a function that appends a frame [H, W, 3] uint8 RGB, cut to even sides for the codec."""
    stream = None

    def append(frame: np.ndarray) -> None:
        nonlocal stream
        height, width = frame.shape[0] // 2 * 2, frame.shape[1] // 2 * 2
        if stream is None:
            stream = imageio_ffmpeg.write_frames(str(path), (width, height), fps=fps, macro_block_size=2)
            stream.send(None)
        stream.send(np.ascontiguousarray(frame[:height, :width]))

    try:
        yield append
    finally:
        if stream is not None:
            stream.close()


def _frames(path: Path, stream: Iterator[bytes], facts: dict) -> Iterator[tuple[int, np.ndarray]]:
    width, height = facts["size"]
    count = 0
    try:
        for data in stream:
            yield count, np.frombuffer(data, np.uint8).reshape(height, width, 3)
            count += 1
    except RuntimeError as error:
        raise MediaError(f"{path}: frame {count} is not readable ({_last_line(error)})") from error
    stated = round(facts["duration"] * facts["fps"])
    if not count:
        raise MediaError(f"{path}: a video without frames")
    if count < COMPLETE * stated:  # ffmpeg ends in silence where a file is cut off
        raise MediaError(f"{path}: ended after {count} frames, expected about {stated}")


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[-1]
