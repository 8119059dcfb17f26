"""`dozens pose PHOTO…|VIDEO…|FOLDER…`: people's poses, as JSON and more, and drawn over the pictures."""

import itertools
import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro

from posepile import skeletons
from posepile.people import DETECTORS
from serving import given_boxes, inputs, media
from serving.inputs import Input, Unusable


@dataclass(frozen=True)
class Arguments:
    """Poses in photos, videos and of a webcam, in millimetres, camera frame: x right, y down, z forward.

    Writes OUT/poses.json (its layout: serving/poses_file.py) and a picture or video NAME_pose beside it. In
    videos, people keep their ids, short gaps are filled and joints are filtered. With --json, one document is
    printed: poses (the file), inputs (path, overlay, frames, poses and people, counted), files (others that were
    written) and failed (path, error). Exit code 1 when an input could not be used, 2 for wrong usage.
    """

    inputs: tyro.conf.Positional[tuple[Path, ...]]
    """Photos, videos and folders of them."""
    model: Path
    """The SavedModel folder that `dozens export` or `dozens demo` wrote."""
    out: Path
    """Folder for poses.json and the pictures; made if absent."""
    webcam: int | None = None
    """Number of a webcam, often 0; Ctrl-C ends it."""
    seconds: float | None = None
    """Only so much of each video and of the webcam."""
    skeleton: str = ""
    """Answer in this skeleton (`dozens skeletons` lists them); empty: every joint of the model."""
    draw: str = ""
    """Skeleton drawn on the pictures; empty: the one answered in, or the model's first format."""
    also: tuple[Literal["csv", "npz", "bvh", "c3d"], ...] = ()
    """Files besides poses.json: poses.csv and poses.npz; of each person of a video a .bvh or .c3d."""
    detector: str = ""
    """Person detector: movenet or yolov4; empty: the model's own, else the whole image is one person's box."""
    detector_weights: Path | None = None
    """Its file; for movenet not needed after `dozens fetch detector`."""
    box: tuple[float, float, float, float] | None = None
    """One person's box X Y WIDTH HEIGHT, px, for every input; nobody is looked for then."""
    boxes: Path | None = None
    """JSON file, boxes by file name: {"photo.jpg": [[x, y, w, h], …]}; a video's hold in every frame."""
    fov_deg: Annotated[float, tyro.conf.arg(aliases=["--fov"])] = 55.0
    """Field of view over the longer image side, where `intrinsics` is not given."""
    intrinsics: tuple[float, float, float, float] | None = None
    """FX FY CX CY, px; the centre of the upper left pixel is 0 0."""
    num_aug: int = 1
    """Crops of each person, turned and mirrored, that are averaged: 5 is a little better and 5 times slower."""
    raw: tyro.conf.FlagCreatePairsOff[bool] = False
    """Videos as the network sees each frame: not filtered, gaps not filled, short tracks kept."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document instead of lines."""

    def __post_init__(self):
        if not self.inputs and self.webcam is None:
            raise ValueError("no photo, video, folder or --webcam given")
        if not 1 < self.fov_deg < 170:
            raise ValueError(f"--fov-deg is {self.fov_deg}, expected an angle between 1 and 170")
        if self.intrinsics is not None:
            focal_lengths_positive = min(self.intrinsics[:2]) > 0
            if not (all(map(math.isfinite, self.intrinsics)) and focal_lengths_positive):
                raise ValueError(
                    f"--intrinsics is {self.intrinsics}, expected finite FX FY CX CY, FX and FY > 0"
                )
        if self.seconds is not None and not self.seconds > 0:
            raise ValueError(f"--seconds is {self.seconds}, expected a positive number")
        if self.num_aug < 1:
            raise ValueError(f"--num-aug is {self.num_aug}, expected at least 1")
        if self.detector and self.detector not in DETECTORS:
            raise ValueError(f"--detector is {self.detector!r}, expected one of {', '.join(DETECTORS)}")
        ways = dict(box=self.box, boxes=self.boxes, detector=self.detector or None)
        given = [f"--{name}" for name, value in ways.items() if value is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are both given, expected one of them")
        if self.box is not None:
            given_boxes.checked([self.box], "--box")


def main(args: list[str]) -> int:
    """Runs the command; 0 when every input was read to its end, else 1."""
    arguments = tyro.cli(Arguments, args=args, prog="dozens pose")
    for name in filter(None, (arguments.skeleton, arguments.draw)):
        skeletons.load(name)  # unknown names fail before TensorFlow is imported, which takes seconds
    items, unusable = _inputs(arguments)
    if not items:
        for path in unusable:
            print(f"error: {path.error}", file=sys.stderr)
        return 1

    from serving.outputs import Outputs
    from serving.people_finder import PeopleFinder
    from serving.predictor import Predictor

    predictor = Predictor(arguments.model)
    answered = predictor.choose(arguments.skeleton)
    # Many formats at once would be a tangle
    drawn = predictor.choose(arguments.draw or arguments.skeleton or next(iter(predictor.formats()), ""))
    finder = PeopleFinder(predictor, arguments.num_aug, arguments.detector, arguments.detector_weights)
    arguments.out.mkdir(parents=True, exist_ok=True)
    facts = dict(
        model=str(arguments.model), skeleton=arguments.skeleton, detector=finder.detector, raw=arguments.raw
    )
    with Outputs(arguments.out, answered, drawn, facts, arguments.also) as outputs:
        _work(arguments, finder, outputs, items)
        for path in unusable:
            outputs.poses.fail(path.path, path.error)
        files = outputs.write_formats()
    _report(arguments, outputs.poses, files)
    return 1 if outputs.poses.failed else 0


def _inputs(arguments: Arguments) -> tuple[list[Input], list[Unusable]]:
    """What poses are wanted of, with the boxes that were given."""
    items, unusable = inputs.find(arguments.inputs)
    if arguments.boxes is not None:
        boxes = given_boxes.read(arguments.boxes, [item.path for item in items])
    else:
        boxes = [None if arguments.box is None else np.array([arguments.box])] * len(items)
    items = [replace(item, boxes=rows) for item, rows in zip(items, boxes, strict=True)]
    if arguments.webcam is not None:
        items.append(
            inputs.webcam(arguments.webcam, None if arguments.box is None else np.array([arguments.box]))
        )
    return items, unusable


def _work(arguments: Arguments, finder, outputs, items: Sequence[Input]) -> None:
    """Works on every input; one that fails does not stop the others."""
    from serving.pose_run import PoseRun, Settings

    settings = Settings(
        fov_deg=arguments.fov_deg,
        intrinsics=arguments.intrinsics,
        raw=arguments.raw,
        seconds=arguments.seconds,
        shows_progress=not arguments.json,
    )
    run = PoseRun(finder, settings, outputs)
    for item, overlay in zip(items, _overlays(arguments.out, items), strict=True):
        start, known = time.monotonic(), len(outputs.poses.inputs)
        try:
            run.work(item, overlay)
        except (media.MediaError, given_boxes.BoxError) as error:
            outputs.poses.fail(item.path, str(error))
        for done in outputs.poses.inputs[known:]:
            done["frames_per_s"] = round(done["frames"] / max(time.monotonic() - start, 1e-9), 2)


def _overlays(folder: Path, items: Sequence[Input]) -> list[Path]:
    """Where the pictures go: NAME_pose, with a number where that is another's picture or an input itself."""
    sources, overlays = {item.path.resolve() for item in items}, []
    for item in items:
        ending = ".jpg" if item.kind == "photo" else ".mp4"
        for number in itertools.count(1):
            tail = f"_{number}" if number > 1 else ""
            overlay = folder / f"{item.path.stem}_pose{tail}{ending}"
            if overlay not in overlays and overlay.resolve() not in sources:
                break
        overlays.append(overlay)
    return overlays


def _report(arguments: Arguments, poses, files: Sequence[Path]) -> None:
    if arguments.json:
        names = [str(file) for file in files]
        document = dict(poses=str(poses.path), inputs=poses.inputs, files=names, failed=poses.failed)
        print(json.dumps(document, allow_nan=False))
        return
    for done in poses.inputs:
        picture = arguments.out / done["overlay"]
        counts = f"{done['people']} people, {done['poses']} poses in {done['frames']} frames"
        print(f"{done['path']}: {counts}, {done['frames_per_s']} frames/s -> {picture}")
        if done.get("exif_orientation", 1) != 1:
            print(f"{done['path']}: turned upright, as its EXIF tag {done['exif_orientation']} says")
    for failed in poses.failed:
        print(f"error: {failed['error']}", file=sys.stderr)
    for file in [*files, poses.path]:
        print(file)
