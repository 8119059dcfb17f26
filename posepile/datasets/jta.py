"""JTA, Joint Track Auto: crowds in the streets of a computer game, with hidden joints marked (Fabbri 2018)."""

import re
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np

from posepile import boxes
from posepile.cameras import Camera
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, RawDataWarning, array, load_json
from posepile.frame import Frame, ImageSource
from posepile.prepare.matching import joint_box, match
from posepile.prepare.sampling import Sampler

SPLITS = ("train", "val", "test")
SIZE = (1920, 1080)
N_JOINTS = 22
NECK, ANKLES = 2, [18, 21]
MIN_IOU, MAX_AREA_RATIO, MIN_LONGER_SIDE = 0.1, 2.0, 100.0
MIN_VISIBLE = 5
MEDIAN_STEP = 0.01  # where the search for the median direction stops
MAX_DISTANCE = 1e5  # m


@dataclass(frozen=True)
class Jta(Dataset):
    """JTA, 22 joints: people that a detector finds, when they have moved before the (often moving) camera."""

    focal_length: float = 1167.0
    """In px. The authors state 1158; 1167 makes up for most of the game's lens distortion."""

    facts: ClassVar[Facts] = Facts(
        id="jta",
        title="JTA: Joint Track Auto",
        role="3d",
        licence="CC BY-NC 4.0, research and education only; one must own a copy of GTA V",
        citation="Fabbri, Lanzi, Calderara, Palazzi, Vezzani, Cucchiara: Learning to Detect and Track Visible and "
        "Occluded Body Joints in a Virtual World. ECCV 2018",
        url="https://aimagelab.ing.unimore.it/go/JTA",
        how_to_get=(
            "Fill in the form that https://github.com/fabbrimatteo/JTA-Dataset links to and get the data set.",
            "Move it to ROOT/videos/{train,val,test}/seq_<n>.mp4 and ROOT/annotations/{train,val,test}/seq_<n>.json.",
        ),
        needs=("annotations/*/seq_*.json", "videos/*/seq_*.[mM][pP]4"),
        uses_detector=True,
    )

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        found = []
        for split in SPLITS:
            files = (root / "annotations" / split).glob("seq_*.json")
            for name in sorted((file.stem for file in files), key=_natural):
                found.append(Sequence(f"{split}/{name}", split, root, (split, name)))
        if not found:
            raise RawDataError(f"{root}: no annotations/{{{','.join(SPLITS)}}}/seq_*.json")
        return found

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        split, name = sequence.files
        file = sequence.root / "annotations" / split / f"{name}.json"
        video = _video(sequence.root / "videos" / split, name)
        samplers = defaultdict(partial(Sampler, 100.0, nan_unchanged=True))
        for i, people in _frames(file, video):
            image = ImageSource(video, i)
            camera = self._camera(up_direction(people.poses))
            is_visible = people.visible(camera)
            for k, box in _detected(people.boxes(camera, is_visible), image, detect):
                if is_visible[k].sum() < MIN_VISIBLE or not samplers[people.ids[k]].keep(people.poses[k]):
                    continue
                yield Frame(
                    key=f"{sequence.name}/{i:06d}_{people.ids[k]:03d}",
                    image=image,
                    camera=camera,
                    box=box,
                    joints3d=people.poses[k],
                    split=split,
                    tags={"sequence": sequence.name, "subject": f"{sequence.name}/{people.ids[k]}"},
                )

    def _camera(self, up: np.ndarray) -> Camera:
        """The camera that all videos have; its frame is the world."""
        f = self.focal_length
        return Camera([[f, 0, SIZE[0] / 2], [0, f, SIZE[1] / 2], [0, 0, 1]], world_up=up)


DATASET = Jta


@dataclass(frozen=True, eq=False)
class _People:
    """A frame's n people: ids [n] int, poses [n, 22, 3] mm in the camera frame, and what is hidden [n, 22]."""

    ids: np.ndarray
    poses: np.ndarray
    is_hidden: np.ndarray

    def visible(self, camera: Camera) -> np.ndarray:
        """[n, 22]: in the image, and hidden by nothing but the person."""
        pixels = camera.camera_to_image(self.poses)
        return boxes.contains([0, 0, *SIZE], pixels) & ~self.is_hidden

    def boxes(self, camera: Camera, is_visible: np.ndarray) -> np.ndarray:
        """[n, 4]: around the visible joints; NaN where fewer than two are."""
        pixels = np.where(is_visible[..., np.newaxis], camera.camera_to_image(self.poses), np.nan)
        found = np.array([joint_box(points) for points in pixels])
        return np.where(found[:, 2:3] > 0, found, np.nan)


def up_direction(poses: np.ndarray) -> np.ndarray:
    """[3]: the median of the directions from the ankles to the neck, of poses [n, 22, 3]; camera's up for none."""
    with np.errstate(invalid="ignore"):
        upright = poses[:, NECK] - poses[:, ANKLES].mean(axis=1)
        upright /= np.linalg.norm(upright, axis=1, keepdims=True)
    upright = upright[np.isfinite(upright).all(axis=1)]
    if not len(upright):
        return np.array([0.0, -1.0, 0.0])
    median = geometric_median(upright)
    length = np.linalg.norm(median)
    return median / length if length > MEDIAN_STEP else np.array([0.0, -1.0, 0.0])


def geometric_median(points: np.ndarray) -> np.ndarray:
    """[d]: what has the least sum of distances from `points` [n, d]; by Weiszfeld's steps from their mean."""
    median = points.mean(axis=0)
    for _ in range(1000):
        weights = 1 / np.maximum(np.linalg.norm(points - median, axis=1), 1e-9)
        before, median = median, weights @ points / weights.sum()
        if np.linalg.norm(median - before) < MEDIAN_STEP:
            break
    return median


def _detected(
    person_boxes: np.ndarray, image: ImageSource, detect: Detect | None
) -> list[tuple[int, np.ndarray]]:
    """The people that the detector finds, with its boxes [4]."""
    people = np.flatnonzero(np.isfinite(person_boxes).all(axis=1))
    if not len(people):
        return []
    person_boxes = person_boxes[people]
    found = person_boxes if detect is None else np.asarray(detect(image), float)
    assigned = match(person_boxes, found, MIN_IOU, MAX_AREA_RATIO)
    return [
        (k, found[d, :4])
        for k, d in zip(people, assigned, strict=True)
        if d >= 0 and found[d, 2:4].max() > MIN_LONGER_SIDE
    ]


def _frames(file: Path, video: Path) -> Iterator[tuple[int, _People]]:
    """The frames with people that the video has; numbers from 0, in order."""
    rows, n_frames = _rows(file), _count_frames(video)
    numbers, starts = np.unique(rows[:, 0].astype(int), return_index=True)
    for number, block in zip(numbers, np.split(rows, starts[1:]), strict=True):
        if number > n_frames:
            n_lost = (numbers > n_frames).sum()
            warnings.warn(
                f"{video}: {n_frames} frames, {n_lost} later ones have labels", RawDataWarning, stacklevel=2
            )
            return
        yield int(number) - 1, _people(block)


def _rows(file: Path) -> np.ndarray:
    """[n, 10], sorted by frame; NaN nowhere."""
    rows = array(file, "rows", load_json(file), (None, 10), limit=1e9)
    counts = rows[:, :3]
    is_odd = (counts != np.rint(counts)).any(axis=1) | (counts < (1, 0, 0)).any(axis=1)
    is_odd |= (counts[:, 2] >= N_JOINTS) | (np.abs(rows[:, 5:8]) > MAX_DISTANCE).any(axis=1)
    if is_odd.any():
        raise RawDataError(
            f"{file}: row {rows[is_odd][0].tolist()}, expected frame >= 1, person >= 0, joint 0 to {N_JOINTS - 1} and "
            "metres"
        )
    return rows[np.argsort(rows[:, 0], kind="stable")]


def _people(block: np.ndarray) -> _People:
    """The people in a frame's rows."""
    ids, person = np.unique(block[:, 1].astype(int), return_inverse=True)
    joint = block[:, 2].astype(int)
    poses = np.full((len(ids), N_JOINTS, 3), np.nan)
    is_hidden = np.ones((len(ids), N_JOINTS), bool)
    poses[person, joint] = 1000 * block[:, 5:8]
    is_hidden[person, joint] = block[:, 8] != 0
    return _People(ids, poses, is_hidden)


def _video(folder: Path, name: str) -> Path:
    """The release's listing and its text differ in the ending's case."""
    path = folder / f"{name}.MP4"
    return path if path.exists() else folder / f"{name}.mp4"


def _count_frames(video: Path) -> int:
    """As many as the file says that it has."""
    if not video.is_file():
        raise RawDataError(f"{video}: missing")
    n_frames = int(cv2.VideoCapture(str(video)).get(cv2.CAP_PROP_FRAME_COUNT))
    if n_frames < 1:
        raise RawDataError(f"{video}: no frames, expected a video")
    return n_frames


def _natural(name: str) -> list:
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]
