"""`dozens pose PHOTO…|VIDEO…`: poses of people in given boxes, as JSON and drawn over the pictures."""

import itertools
import json
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from rich.console import Console
from rich.progress import track

from posepile import boxes as geometry
from posepile import skeletons
from posepile.cameras import Camera
from serving import given_boxes, media


@dataclass(frozen=True)
class Arguments:
    """Poses in photos and videos, in millimetres, camera frame: x right, y down, z forward.

    Writes OUT/poses.json (its layout: serving/poses_file.py) and a picture or video NAME_pose beside it. With
    --json, one document is printed: poses (the file), inputs (path, overlay, frames and poses, counted) and
    failed (path, error). Exit code 1 when an input could not be read, 2 for wrong usage.
    """

    inputs: tyro.conf.Positional[tuple[Path, ...]]
    """Photos and videos."""
    model: Path
    """The SavedModel folder that `dozens export` or `dozens demo` wrote."""
    out: Path
    """Folder for poses.json and the pictures; made if absent."""
    skeleton: str = ""
    """Answer in this skeleton (`dozens skeletons` lists them); empty: every joint of the model."""
    draw: str = ""
    """Skeleton drawn on the pictures; empty: the one answered in, or the model's first format."""
    box: tuple[float, float, float, float] | None = None
    """One person's box X Y WIDTH HEIGHT, px, for every input; without any box: the whole image."""
    boxes: Path | None = None
    """JSON file, boxes by file name: {"photo.jpg": [[x, y, w, h], …]}; a video's hold in every frame."""
    fov_deg: float = 55.0
    """Field of view over the longer image side, where `intrinsics` is not given."""
    intrinsics: tuple[float, float, float, float] | None = None
    """FX FY CX CY, px; the centre of the upper left pixel is 0 0."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document instead of lines."""

    def __post_init__(self):
        if not self.inputs:
            raise ValueError("no photo or video given")
        if not 1 < self.fov_deg < 170:
            raise ValueError(f"--fov-deg is {self.fov_deg}, expected an angle between 1 and 170")
        if self.intrinsics is not None:
            focal_lengths_positive = min(self.intrinsics[:2]) > 0
            if not (all(map(math.isfinite, self.intrinsics)) and focal_lengths_positive):
                raise ValueError(
                    f"--intrinsics is {self.intrinsics}, expected finite FX FY CX CY, FX and FY > 0"
                )
        if self.box is not None and self.boxes is not None:
            raise ValueError("--box and --boxes are both given, expected one of them")
        if self.box is not None:
            given_boxes.checked([self.box], "--box")


def main(args: list[str]) -> int:
    """Runs the command; 0 when every input was read to its end, else 1."""
    arguments = tyro.cli(Arguments, args=args, prog="dozens pose")
    for name in filter(None, (arguments.skeleton, arguments.draw)):
        skeletons.load(name)  # unknown names fail before TensorFlow is imported, which takes seconds
    videos = [media.is_video(path) for path in arguments.inputs]
    boxes = _boxes(arguments)

    from serving.poses_file import PosesFile
    from serving.predictor import Predictor
    from training.crop import CropError

    session = _Session(arguments, Predictor(arguments.model))
    arguments.out.mkdir(parents=True, exist_ok=True)
    poses = arguments.out / "poses.json"
    overlays = _overlays(arguments, videos)
    with PosesFile(poses, arguments.model, arguments.skeleton, session.answered) as file:
        for path, video, given, overlay in zip(arguments.inputs, videos, boxes, overlays, strict=True):
            try:
                (session.video if video else session.photo)(path, given, overlay, file)
            except (media.MediaError, given_boxes.BoxError) as error:
                file.fail(path, str(error))
            except CropError as error:
                file.fail(path, f"{path}: {error}")
    _report(arguments, file)
    return 1 if file.failed else 0


class _Session:
    """The model, and what of it is written and drawn."""

    def __init__(self, arguments: Arguments, predictor):
        self.arguments, self.predictor = arguments, predictor
        self.answered = predictor.choose(arguments.skeleton)
        # Many formats at once would be a tangle
        drawn = arguments.draw or arguments.skeleton or next(iter(predictor.formats()), "")
        self.drawn = predictor.choose(drawn)

    def photo(self, path: Path, boxes: np.ndarray | None, overlay: Path, file) -> None:
        image = media.read_photo(path)
        size = image.shape[1::-1]
        boxes, camera = _boxes_in(size, boxes, path), _camera(size, self.arguments)
        with file.input(_facts(path, overlay, size, camera, None)) as add:
            media.write_photo(overlay, self._frame(image, boxes, camera, add))

    def video(self, path: Path, boxes: np.ndarray | None, overlay: Path, file) -> None:
        progress = Console(stderr=True)
        with media.open_video(path) as video:
            boxes, camera = _boxes_in(video.size, boxes, path), _camera(video.size, self.arguments)
            facts = _facts(path, overlay, video.size, camera, video.fps)
            with file.input(facts) as add, media.video_writer(overlay, video.fps) as write:
                for image in track(video.frames, path.name, console=progress, disable=self.arguments.json):
                    write(self._frame(image, boxes, camera, add))

    def _frame(self, image: np.ndarray, boxes: np.ndarray, camera: Camera, add: Callable) -> np.ndarray:
        from serving.overlay import draw

        people = self.predictor(image, boxes, camera)
        add(people.take(self.answered.columns))
        return draw(image, people.take(self.drawn.columns), self.drawn)


def _boxes(arguments: Arguments) -> list[np.ndarray | None]:
    """Boxes of each input; None means the whole image."""
    if arguments.boxes is not None:
        return given_boxes.read(arguments.boxes, arguments.inputs)
    one = None if arguments.box is None else np.array([arguments.box])
    return [one] * len(arguments.inputs)


def _boxes_in(size: tuple[int, int], boxes: np.ndarray | None, path: Path) -> np.ndarray:
    if boxes is None:
        return geometry.full(size)[np.newaxis]
    given_boxes.check_inside(boxes, size, str(path))
    return boxes


def _camera(size: tuple[int, int], arguments: Arguments) -> Camera:
    """The camera of images of (width, height). The world is its frame; up is -y: it is taken to be level."""
    if arguments.intrinsics is not None:
        fx, fy, cx, cy = arguments.intrinsics
    else:
        fx = fy = max(size) / (2 * math.tan(math.radians(arguments.fov_deg) / 2))
        cx, cy = (size[0] - 1) / 2, (size[1] - 1) / 2
    return Camera(np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]), world_up=np.array([0.0, -1.0, 0.0]))


def _facts(
    path: Path, overlay: Path, size: tuple[int, int], camera: Camera, fps: float | None
) -> dict[str, Any]:
    intrinsics = camera.intrinsics.tolist()
    return dict(
        path=str(path), overlay=overlay.name, width=size[0], height=size[1], fps=fps, intrinsics=intrinsics
    )


def _overlays(arguments: Arguments, videos: list[bool]) -> list[Path]:
    """Where the pictures go: NAME_pose, with a number where that is another's picture or an input itself."""
    inputs, overlays = {path.resolve() for path in arguments.inputs}, []
    for path, video in zip(arguments.inputs, videos, strict=True):
        for number in itertools.count(1):
            tail = f"_{number}" if number > 1 else ""
            overlay = arguments.out / f"{path.stem}_pose{tail}{'.mp4' if video else '.jpg'}"
            if overlay not in overlays and overlay.resolve() not in inputs:
                break
        overlays.append(overlay)
    return overlays


def _report(arguments: Arguments, file) -> None:
    if arguments.json:
        print(json.dumps(dict(poses=str(file.path), inputs=file.inputs, failed=file.failed), allow_nan=False))
        return
    for done in file.inputs:
        picture = arguments.out / done["overlay"]
        print(f"{done['path']}: {done['poses']} poses in {done['frames']} frames -> {picture}")
    for failed in file.failed:
        print(f"error: {failed['error']}", file=sys.stderr)
    print(file.path)
