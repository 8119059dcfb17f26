"""The work of `dozens pose`: frames in, poses into files and pictures out."""

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from more_itertools import chunked

from posepile.cameras import Camera
from serving import media
from serving.frames import PosedFrame
from serving.inputs import Input
from serving.outputs import Outputs
from serving.people_finder import PeopleFinder
from serving.progress import frames_progress
from serving.video.smoother import Smoother
from serving.video.tracker import Tracker
from serving.webcam import open_webcam

BATCH = 8  # frames of a video that detector and network see together,
BATCH_PIXELS = BATCH * 1920 * 1080  # but fewer of larger ones, for the memory

IndexedImages = Iterable[tuple[int, np.ndarray]]


@dataclass(frozen=True)
class Settings:
    """Options of the command line.

    fov_deg: over the longer side, where intrinsics (fx, fy, cx, cy px) are None; raw: videos are not filtered;
    seconds: of a video or webcam, None for all.
    """

    fov_deg: float = 55.0
    intrinsics: tuple[float, float, float, float] | None = None
    raw: bool = False
    seconds: float | None = None
    shows_progress: bool = True


class PoseRun:
    """Works on inputs, one after the other.

    Args:
        finder: finds people and their poses.
        settings: about cameras and videos.
        outputs: where poses and pictures go.
    """

    def __init__(self, finder: PeopleFinder, settings: Settings, outputs: Outputs):
        self._finder, self._settings, self._outputs = finder, settings, outputs

    def work(self, item: Input, overlay: Path) -> None:
        """Poses of one input, and its picture or video. Raises MediaError, BoxError."""
        if item.kind == "photo":
            self._photo(item, overlay)
        elif item.kind == "video":
            with media.open_video(item.path) as video:
                batch = max(1, min(BATCH, BATCH_PIXELS // math.prod(video.size)))
                self._film(item, video, overlay, batch)
        else:
            with open_webcam(item.webcam, self._settings.seconds) as video:
                self._film(item, video, overlay, 1)  # waiting for more frames would only make them old

    def _photo(self, item: Input, overlay: Path) -> None:
        image = media.read_photo(item.path)
        size = image.shape[1::-1]
        camera = _camera(size, self._settings)
        facts = _facts(item, overlay, size, camera, None) | {
            "exif_orientation": media.exif_orientation(item.path)
        }
        [frame] = self._posed(item, [(0, image)], camera, None)
        with self._outputs.input(facts) as add:
            media.write_photo(overlay, add(frame))

    def _film(self, item: Input, video: media.Video, overlay: Path, batch: int) -> None:
        camera = _camera(video.size, self._settings)
        broken: list[media.MediaError] = []
        images = _up_to_error(self._wanted(video), broken)
        posed = (
            frame for some in chunked(images, batch) for frame in self._posed(item, some, camera, video.fps)
        )
        with (
            frames_progress(item.path.name, self._count(video), self._settings.shows_progress) as advance,
            self._outputs.input(_facts(item, overlay, video.size, camera, video.fps)) as add,
            media.video_writer(overlay, video.fps) as write,
        ):
            written = 0
            for frame in self._over_time(posed, camera):
                picture = add(frame)
                while written <= frame.index:  # more than once where a webcam ran on meanwhile
                    write(picture)
                    written += 1
                advance(1)
        if broken:
            raise broken[0]

    def _posed(
        self, item: Input, images: list[tuple[int, np.ndarray]], camera: Camera, fps: float | None
    ) -> list[PosedFrame]:
        """The people of some images of one size, each with its index."""
        found = self._finder([image for _, image in images], camera, item.boxes, str(item.path))
        frames = []
        for (index, image), people in zip(images, found, strict=True):
            time_s = None if fps is None else index / fps
            frames.append(PosedFrame.untracked(image, people, index, time_s))
        return frames

    def _over_time(self, frames: Iterable[PosedFrame], camera: Camera) -> Iterator[PosedFrame]:
        """The frames with ids and, unless they shall stay raw, filtered: then they come half a second later."""
        tracker, smoother = Tracker(), Smoother(camera)
        for frame in frames:
            ids = tracker.assign(frame.time_s, frame.people.joints3d, frame.people.boxes)
            frame = replace(frame, ids=ids)
            if self._settings.raw:
                yield frame
            else:
                yield from smoother.push(frame)
        yield from smoother.finish()

    def _wanted(self, video: media.Video) -> Iterator[tuple[int, np.ndarray]]:
        seconds = self._settings.seconds
        if seconds is None:
            return video.frames
        return itertools.takewhile(lambda frame: frame[0] < seconds * video.fps, video.frames)

    def _count(self, video: media.Video) -> int | None:
        counts = [video.count]
        if self._settings.seconds is not None:
            counts.append(math.ceil(self._settings.seconds * video.fps))
        return min((count for count in counts if count is not None), default=None)


def _up_to_error(images: IndexedImages, broken: list[media.MediaError]) -> Iterator[tuple[int, np.ndarray]]:
    """The images before an error, which goes into the list: what was read before it shall not be lost."""
    try:
        yield from images
    except media.MediaError as error:
        broken.append(error)


def _camera(size: tuple[int, int], settings: Settings) -> Camera:
    """The camera of images of (width, height). The world is its frame; up is -y: it is taken to be level."""
    if settings.intrinsics is not None:
        fx, fy, cx, cy = settings.intrinsics
    else:
        fx = fy = max(size) / (2 * math.tan(math.radians(settings.fov_deg) / 2))
        cx, cy = (size[0] - 1) / 2, (size[1] - 1) / 2
    return Camera(np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]), world_up=np.array([0.0, -1.0, 0.0]))


def _facts(
    item: Input, overlay: Path, size: tuple[int, int], camera: Camera, fps: float | None
) -> dict[str, Any]:
    return dict(
        path=str(item.path),
        overlay=overlay.name,
        width=size[0],
        height=size[1],
        fps=fps,
        intrinsics=camera.intrinsics.tolist(),
    )
