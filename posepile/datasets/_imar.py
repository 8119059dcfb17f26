"""What Fit3D, CHI3D and HumanSC3D share: one studio with four fixed cameras, one file format."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import ClassVar

import numpy as np

from posepile.cameras import Camera
from posepile.datasets import _calibration
from posepile.datasets.dataset import Dataset, Detect, Sequence
from posepile.datasets.raw import RawDataError, array, inside, load_json, reading
from posepile.frame import Frame, ImageSource
from posepile.prepare.matching import best_match, joint_box
from posepile.prepare.sampling import MemorySampler
from posepile.video_times import video_times

RAW_JOINTS = (
    "pelv lhip lkne lank rhip rkne rank spin neck head htop lsho lelb lwri rsho relb rwri lfoo ltoe rfoo rtoe lthu "
    "lfin rthu rfin"
).split()
NEEDS = (
    "*info.json",
    "train/*/joints3d_25/*.json",
    "train/*/camera_parameters/*/*.json",
    "train/*/videos/*/*.mp4",
)
BOX_FACTOR = 1.2
MIN_IOU = 0.5
SAMPLER_BUFFER = 10_000  # more than a video has
ROWS_PER_FRAME = {1: (0.5, 1.5), 4: (3.0, 5.0)}  # of poses, in the two releases: what their counts may give
MAX_METRES = 50.0


@dataclass(frozen=True)
class Imar(Dataset):
    """The train subjects' videos: 25 joints at each frame, the box that a detector finds around them."""

    has_pairs: ClassVar[bool] = False
    """Whether poses may be those of two people, the first of whom wears the markers."""

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        file = _info_file(root, self.facts.id)
        info = load_json(file)
        with reading(file):
            actions = dict(info["subj_to_act"])
            subjects = [subject for subject in actions if subject in info["train_subj_names"]]
            cameras = info["all_camera_names"]
        found = {}
        for subject, camera in product(subjects, _names(file, "all_camera_names", cameras)):
            for action in _names(file, f"subj_to_act.{subject}", actions[subject]):
                parts = (subject, action, camera)
                if _video(root, parts).exists():
                    found["/".join(parts)] = Sequence("/".join(parts), "train", root, parts)
        if not found:
            raise RawDataError(
                f"{root}: no train/<subject>/videos/<camera>/<action>.mp4 of those in {file.name}"
            )
        return list(found.values())

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        root, parts = sequence.root, sequence.files
        subject, action, camera_name = parts
        camera = _camera(inside(root, f"train/{subject}/camera_parameters/{camera_name}/{action}.json"))
        file = inside(root, f"train/{subject}/joints3d_25/{action}.json")
        poses = self._poses(file)
        video = _video(root, parts)
        with reading(video):
            n_frames = len(video_times(video))
        step = _rows_per_frame(file, len(poses), n_frames)
        sampler = MemorySampler(100.0, SAMPLER_BUFFER)
        for frame, i in zip(range(n_frames), range(0, len(poses), step), strict=False):
            if not sampler.keep(poses[i]):
                continue
            image = ImageSource(video, frame)
            labelled = joint_box(camera.world_to_image(poses[i]), BOX_FACTOR)
            boxes = labelled[np.newaxis] if detect is None else detect(image)
            if (best := best_match(labelled, boxes, MIN_IOU)) >= 0:
                yield Frame(
                    key=f"{sequence.name}/{i:06d}",
                    image=image,
                    camera=camera,
                    box=boxes[best][:4],
                    joints3d=poses[i],
                    split=sequence.split,
                    tags={"subject": subject, "activity": action, "camera": camera_name, "frame": str(frame)},
                )

    def _poses(self, file: Path) -> np.ndarray:
        """[T, 25, 3] mm, world, z up, in our order."""
        contents = load_json(file)
        with reading(file):
            poses = np.asarray(contents["joints3d_25"], np.float64)
        shape = (None, len(RAW_JOINTS), 3)
        if self.has_pairs and poses.ndim == 4:
            poses = array(file, "joints3d_25", poses, (2, *shape), limit=MAX_METRES)[0]
        poses = array(file, "joints3d_25", poses, shape, limit=MAX_METRES)
        return 1000 * poses[:, [RAW_JOINTS.index(joint) for joint in self.skeleton.joints]]


def _info_file(root: Path, id: str) -> Path:
    """On the web site it is called <id>_info.json, in the official tree info.json."""
    named = root / f"{id}_info.json"
    return named if named.exists() else root / "info.json"


def _names(file: Path, field: str, names: list[str]) -> list[str]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise RawDataError(f"{file}: {field!r} is no list of names")
    return names


def _video(root: Path, parts: tuple[str, ...]) -> Path:
    subject, action, camera = parts
    return inside(root, f"train/{subject}/videos/{camera}/{action}.mp4")


def _rows_per_frame(file: Path, n_poses: int, n_frames: int) -> int:
    """1 or 4: releases until 2022 have the poses at 200 a second, those since then at the video's 50."""
    for step, (least, most) in ROWS_PER_FRAME.items():
        if least <= n_poses / n_frames <= most:
            return step
    raise RawDataError(
        f"{file}: {n_poses} poses for {n_frames} frames, expected about as many or about 4 times as many"
    )


def _camera(file: Path) -> Camera:
    facts = load_json(file)
    with reading(file):
        extrinsics, intrinsics = facts["extrinsics"], facts["intrinsics_w_distortion"]
        numbers = {name: intrinsics[name] for name in "fckp"}
        position, rotation = extrinsics["T"], extrinsics["R"]
    rotation = _calibration.rotation(file, "extrinsics.R", rotation)
    (position,) = array(file, "extrinsics.T", position, (1, 3), limit=MAX_METRES)
    lengths = {"f": 2, "c": 2, "k": 3, "p": 2}
    (fx, fy), (cx, cy), (k1, k2, k3), (p1, p2) = (
        array(file, f"intrinsics_w_distortion.{name}", numbers[name], (1, n), limit=_calibration.MAX_PX)[0]
        for name, n in lengths.items()
    )
    matrix = [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]
    return Camera(
        intrinsics=_calibration.intrinsics(file, "intrinsics_w_distortion", matrix),
        rotation=rotation,
        position=1000 * position,
        # The owners' lens has half of OpenCV's 2 p1 x y and 2 p2 x^2, but all of p2 r^2; the thin prism adds the rest
        distortion=[k1, k2, p1 / 2, p2 / 2, k3, 0, 0, 0, p2 / 2, 0, p1 / 2, 0],
    )
