"""Reading the pixels of an ImageSource: image files through OpenCV, frames of videos through ffmpeg.

Videos are decoded from start to end and a frame is the one that ffmpeg puts out at that place, none dropped and none
repeated: its number is exact, which seeking does not promise. Frames asked for in ascending order are decoded once.
"""

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from posepile.frame import ImageSource

MAX_OPEN_VIDEOS = 4  # the views of a scene, which some readers visit in turns


class ImageError(ValueError):
    """Pixels that cannot be read; names the file (and frame)."""


def read_image(source: ImageSource) -> np.ndarray:
    """The pixels, [h, w, 3] uint8 RGB; do not write to them, the next call may return them again.

    The orientation in a photo's EXIF data is ignored: data sets label the stored pixels. A 16-bit image is brought
    to 8 bits, transparency is dropped.

    Raises:
        ImageError: for a file that is missing, damaged or cut off, and a frame that the video does not have.
    """
    image = _read_file(source) if source.frame is None else _read_frame(source)
    if source.is_bgr:
        image = image[..., ::-1]
    if source.is_mosaic:
        image = cv2.cvtColor(np.ascontiguousarray(image[..., 0]), cv2.COLOR_BayerGRBG2RGB)
    if source.mirrored:
        image = image[:, ::-1]
    return np.ascontiguousarray(np.rot90(image, -source.quarter_turns))


def close_videos() -> None:
    """Ends the decoders that `read_image` keeps open for the next frame."""
    while _videos:
        _videos.popitem()[1].close()


def _read_file(source: ImageSource) -> np.ndarray:
    start, length = source.part or (0, -1)
    try:
        with source.path.open("rb") as stream:
            stream.seek(start)
            data = stream.read(length)
    except OSError as error:
        raise ImageError(f"{source}: {error.strerror or error}, expected an image") from error
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    except cv2.error as error:  # sizes beyond OpenCV's limits
        raise ImageError(f"{source}: {error.err}, expected an image") from error
    if image is None:
        raise ImageError(f"{source}: {len(data)} bytes that are damaged, cut off, or no image")
    return image


def _read_frame(source: ImageSource) -> np.ndarray:
    path = source.path
    video = _videos.pop(path, None)
    if video is not None and not video.can_give(source.frame):
        video.close()
        video = None
    if video is None:
        if source.frame < 0:
            raise ImageError(f"{source}: expected a frame number of at least 0")
        video = _Video(path)
        while len(_videos) >= MAX_OPEN_VIDEOS:
            _videos.popitem(last=False)[1].close()
    image = video.frame(source.frame)
    _videos[path] = video  # the last used stands last; one that failed is not kept
    return image


class _Video:
    """A decoder that runs forwards and remembers the last frame."""

    def __init__(self, path: Path):
        self._path = path
        self._frames = _decode(path)
        self._next = 0
        self._last: np.ndarray | None = None

    def can_give(self, number: int) -> bool:
        return number >= self._next - 1

    def frame(self, number: int) -> np.ndarray:
        while self._next <= number:
            self._last = next(self._frames, None)
            if self._last is None:
                raise ImageError(f"{self._path}: ends after {self._next} frames, expected frame {number}")
            self._next += 1
        return self._last

    def close(self) -> None:
        self._frames.close()


def _decode(path: Path) -> Iterator[np.ndarray]:
    import imageio_ffmpeg

    if not path.is_file():
        raise ImageError(f"{path}: no such file, expected a video")
    # passthrough: one frame out for each one in; ffmpeg would otherwise make the rate constant
    frames = imageio_ffmpeg.read_frames(
        str(path), pix_fmt="rgb24", output_params=["-fps_mode", "passthrough"], input_params=["-noautorotate"]
    )
    try:
        width, height = next(frames)["size"]
        for data in frames:
            yield np.frombuffer(data, np.uint8).reshape(height, width, 3)
    except (OSError, RuntimeError) as error:
        raise ImageError(f"{path}: cannot be decoded ({str(error).strip().splitlines()[-1]})") from error
    finally:
        frames.close()


_videos: OrderedDict[Path, _Video] = OrderedDict()
