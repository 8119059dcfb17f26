"""ASPset-510: sports outdoors before three cameras in 4K, joints from multi-view capture (Nibali 2021)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from posepile.boxes import expand, from_corners
from posepile.cameras import Camera
from posepile.datasets import _calibration
from posepile.datasets._c3d import load_c3d
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, array, load_json, reading
from posepile.frame import Frame, ImageSource
from posepile.prepare.sampling import Sampler
from posepile.video_times import video_times

VIEWS = ("left", "mid", "right")
SUFFIXES = {"videos": "mkv", "cameras": "json", "joints_3d": "c3d", "boxes": "csv"}
LABELS = (
    "right_ankle right_knee right_hip right_wrist right_elbow right_shoulder left_ankle left_knee left_hip left_wrist "
    "left_elbow left_shoulder head_top head neck spine pelvis"
).split()
BOX_FACTOR = 1.1
LIMIT = 1e6  # mm


@dataclass(frozen=True)
class ASPset(Dataset):
    """ASPset-510, 17 joints, the clips of train and val. The world is the left camera's frame."""

    facts: ClassVar[Facts] = Facts(
        id="aspset",
        title="ASPset-510, Australian Sports Pose Dataset",
        role="3d",
        licence="CC0 1.0 (public domain)",
        citation="Nibali, Millward, He, Morgan: ASPset: An Outdoor Sports Pose Video Dataset With 3D Keypoint "
        "Annotations. Image and Vision Computing 111, 2021",
        url="https://github.com/anibali/aspset-510",
        how_to_get=(
            "Get the archives from https://archive.org/details/aspset510, or with the tools of "
            "https://github.com/anibali/aspset-510.",
            "Unpack them into ROOT/data/trainval/{boxes,cameras,joints_3d,videos}/<subject>.",
            "Put splits.csv into ROOT/data.",
        ),
        needs=("data/splits.csv", "data/trainval/joints_3d/*/*.c3d", "data/trainval/videos/*/*.mkv"),
        examples=124_221,
    )

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        found = {}
        for subject, clip, split, view in load_splits(root / "data/splits.csv"):
            for name in VIEWS if view == "all" else (view,):
                parts = (subject, clip, name)
                if split in ("train", "val") and clip_file(root, split, "videos", parts).exists():
                    found["/".join(parts)] = Sequence("/".join(parts), split, root, parts)
        if not found:
            raise RawDataError(f"{root}: no data/trainval/videos/<subject>/<subject>-<clip>-<view>.mkv")
        return list(found.values())

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        root, parts = sequence.root, sequence.files
        subject, clip, view = parts
        video = clip_file(root, sequence.split, "videos", parts)
        camera = load_camera(clip_file(root, sequence.split, "cameras", (subject, view)))
        poses = load_poses(clip_file(root, sequence.split, "joints_3d", (subject, clip)))
        boxes = expand(load_boxes(clip_file(root, sequence.split, "boxes", parts)), BOX_FACTOR)
        with reading(video):
            n_frames = len(video_times(video))
        sampler = Sampler(100.0)
        for i in range(min(len(poses), len(boxes), n_frames)):
            if sampler.keep(poses[i]):
                yield Frame(
                    key=f"{sequence.name}/{i:06d}",
                    image=ImageSource(video, i),
                    camera=camera,
                    box=boxes[i],
                    joints3d=poses[i],
                    split=sequence.split,
                    tags={"subject": subject, "sequence": clip, "camera": view, "frame": str(i)},
                )


DATASET = ASPset


def clip_file(root: Path, split: str, kind: str, parts: tuple[str, ...]) -> Path:
    """Of a clip (subject, clip, view; cameras: subject, view; joints_3d: subject, clip): a kind of SUFFIXES."""
    folder = "test" if split == "test" else "trainval"
    return root / f"data/{folder}/{kind}/{parts[0]}/{'-'.join(parts)}.{SUFFIXES[kind]}"


def load_splits(file: Path) -> list[list[str]]:
    """Rows of subject, clip, split and view. Raises RawDataError."""
    with reading(file):
        rows = [
            [part.strip() for part in line.split(",")]
            for line in file.read_text().splitlines()
            if line.strip()
        ]
    for row in rows:
        is_known = len(row) == 4 and row[2] in ("train", "val", "test") and row[3] in ("all", *VIEWS)
        if not is_known or not all(re.fullmatch(r"\w+", name, re.ASCII) for name in row[:2]):
            raise RawDataError(
                f"{file}: a row {','.join(row)!r}, expected <subject>,<clip>,<train|val|test>,<all|left|mid|right>"
            )
    return rows


def load_camera(file: Path) -> Camera:
    """The camera of a view, its world the left camera's frame. Raises RawDataError."""
    facts = load_json(file)
    with reading(file):
        numbers = [np.ravel(facts[key]) for key in ("intrinsic_matrix", "extrinsic_matrix")]
    intrinsics = array(file, "intrinsic_matrix", numbers[0], (12,), limit=LIMIT).reshape(3, 4)
    extrinsics = array(file, "extrinsic_matrix", numbers[1], (16,), limit=LIMIT).reshape(4, 4)
    _calibration.rotation(file, "extrinsic_matrix", extrinsics[:3, :3])
    intrinsics = _calibration.intrinsics(file, "intrinsic_matrix", intrinsics[:, :3])
    return Camera.from_matrices(intrinsics, extrinsics, world_up=(0, -1, 0))


def load_poses(file: Path) -> np.ndarray:
    """[T, 17, 3] mm; NaN for a point in the place of the left camera, which stands for none. Raises RawDataError."""
    points = load_c3d(file)
    if points.unit not in ("mm", ""):
        raise RawDataError(f"{file}: unit is {points.unit!r}, expected 'mm'")
    if missing := [label for label in LABELS if label not in points.labels]:
        raise RawDataError(f"{file}: no point {missing[0]!r}, expected {len(LABELS)} joints")
    poses = points.positions[:, [points.labels.index(label) for label in LABELS]]
    poses = array(file, "points", poses, (None, len(LABELS), 3), finite=False, limit=LIMIT)
    return np.where((poses == 0).all(axis=-1, keepdims=True), np.nan, poses)


def load_boxes(file: Path) -> np.ndarray:
    """[T, 4] px, one a frame, as labelled. Raises RawDataError."""
    with reading(file):
        rows = [line.split(",") for line in file.read_text().splitlines()[1:] if line.strip()]
    corners = array(file, "boxes", np.reshape(rows, (-1, 4)) if not rows else rows, (None, 4), limit=LIMIT)
    if (corners[:, :2] >= corners[:, 2:]).any():
        raise RawDataError(f"{file}: a box without a size, expected x1, y1, x2, y2")
    return from_corners(corners)
