"""HUMBI: hundreds of people in a dome of 107 cameras, single poses, OpenPose's joints in 3D (Yu 2020)."""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from posepile import boxes
from posepile.body_models import find_body_model
from posepile.cameras import Camera
from posepile.datasets import _calibration
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, RawDataWarning, array, load_text_table, reading
from posepile.frame import Frame, ImageSource
from posepile.images import ImageError, read_image
from posepile.prepare.matching import best_match, hull, joint_box

RAW_JOINTS = (
    "nose neck rsho relb rwri lsho lelb lwri pelv rhip rkne rank lhip lkne lank reye leye rear lear "
    "lfoo ltoe lhee rfoo rtoe rhee"
).split()  # OpenPose's BODY_25
N_HEADER_LINES = 3
INTRINSICS_LINES, EXTRINSICS_LINES = 3, 4  # of a camera, after the one with its id
BOX_FACTOR = 1.05
MIN_IOU = 0.5
N_PARAMETERS, SCALE, TRANSLATION, POSE, SHAPE = 86, 0, slice(1, 4), slice(4, 76), slice(76, 86)
MM_PER_M = 1000.0
LIMIT = 1000.0  # m


@dataclass(frozen=True)
class Humbi(Dataset):
    """HUMBI's bodies, 25 joints, all subjects, poses and calibrated cameras to train."""

    body_models: Path | None = None
    """Folder with the licensed body models (smpl/…). With it, boxes are around the joints of SMPL too, as in the
    pile: the hands and the crown are farther out than OpenPose's joints."""

    facts: ClassVar[Facts] = Facts(
        id="humbi",
        title="HUMBI, human body expressions",
        role="3d",
        licence="not established here: see https://humbi-data.net before any use",
        citation="Yu, Yoon, Lee, Venkatesh, Park, Yu, Park: HUMBI: A Large Multiview Dataset of Human Body "
        "Expressions. CVPR 2020",
        url="https://humbi-data.net",
        how_to_get=(
            "Get the body archives (subj*.zip) from https://humbi-data.net.",
            "Unpack them all into ROOT: ROOT/subject_<n>/body/{intrinsic,extrinsic}.txt and "
            "ROOT/subject_<n>/body/<pose>/{image,reconstruction}.",
            "About 600 images are broken; they are found and left out. More can be named in ROOT/ignore_images.txt, "
            "a path below ROOT in each line.",
        ),
        needs=(
            "subject_*/body/intrinsic.txt",
            "subject_*/body/extrinsic.txt",
            "subject_*/body/*/image/image*.jpg",
        ),
        examples=1_271_076,
        uses_detector=True,
    )

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        names = [folder.parent.name for folder in root.glob("subject_*/body")]
        names = [name for name in names if re.fullmatch(r"subject_\d+", name)]
        if not names:
            raise RawDataError(f"{root}: no subject_<n>/body")
        return [Sequence(n, "train", root) for n in sorted(names, key=lambda name: int(name.split("_")[1]))]

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        folder = sequence.root / sequence.name / "body"
        cameras, ignored = _cameras(folder), _ignored(sequence.root)
        n_broken = n_without_labels = 0
        for pose in sorted(path.parent.name for path in folder.glob("*/image")):
            labels = folder / pose / "reconstruction"
            if not (labels / "keypoints.txt").exists():
                n_without_labels += 1
                continue
            joints = self._joints(labels / "keypoints.txt")
            extent = np.concatenate([joints, self._smpl_joints(labels / "smpl_parameter.txt")])
            for camera_id, path in _images(folder / pose / "image"):
                if camera_id not in cameras or path.relative_to(sequence.root).as_posix() in ignored:
                    continue
                camera, image = cameras[camera_id], ImageSource(path)
                size = _decoded_size(image)
                n_broken += size is None
                box = None if size is None else _box(camera.world_to_image(extent), image, size, detect)
                if box is not None:
                    yield Frame(
                        key=f"{sequence.name}/{pose}/{camera_id:07d}",
                        image=image,
                        camera=camera,
                        box=box,
                        joints3d=joints,
                        split=sequence.split,
                        tags={"subject": sequence.name, "camera": str(camera_id)},
                    )
        for n, what in ((n_broken, "images are broken"), (n_without_labels, "poses have no keypoints.txt")):
            if n:
                warnings.warn(f"{folder}: {n} {what}", RawDataWarning, stacklevel=2)

    def _joints(self, file: Path) -> np.ndarray:
        """[25, 3] mm, in our order; NaN for what is not a number, and for a joint of zeros."""
        with reading(file):
            rows = [line.split() for line in file.read_text().splitlines() if line.strip()]
            joints = [[_number(text) for text in row] for row in rows]
        joints = array(file, "keypoints", joints, (len(RAW_JOINTS), 3), finite=False, limit=LIMIT)
        joints[(joints == 0).all(axis=1)] = np.nan
        return MM_PER_M * joints[[RAW_JOINTS.index(joint) for joint in self.skeleton.joints]]

    def _smpl_joints(self, file: Path) -> np.ndarray:
        """[24, 3] mm of the fitted body; [0, 3] without body models."""
        if self.body_models is None:
            return np.zeros((0, 3))
        numbers = array(file, "parameters", load_text_table(file).ravel(), (N_PARAMETERS,), limit=LIMIT)
        model = find_body_model(self.body_models, "smpl", "neutral")
        joints = model.joints(numbers[np.newaxis, POSE], numbers[np.newaxis, SHAPE])[0]
        return joints * numbers[SCALE] + MM_PER_M * numbers[TRANSLATION]


DATASET = Humbi


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return np.nan
    return number if np.isfinite(number) else np.nan


def _images(folder: Path) -> list[tuple[int, Path]]:
    """The images of a pose, with their cameras' ids."""
    found = []
    for path in sorted(folder.glob("image*.jpg")):
        if number := re.fullmatch(r"image(\d+)", path.stem, re.ASCII):
            found.append((int(number[1]), path))
    return found


def _ignored(root: Path) -> set[str]:
    file = root / "ignore_images.txt"
    if not file.exists():
        return set()
    with reading(file):
        return {line.strip().replace("\\", "/") for line in file.read_text().splitlines()}


def _cameras(folder: Path) -> dict[int, Camera]:
    """The cameras that have both intrinsics and extrinsics, by their id."""
    intrinsics, extrinsics = folder / "intrinsic.txt", folder / "extrinsic.txt"
    matrices, places = _blocks(intrinsics, INTRINSICS_LINES), _blocks(extrinsics, EXTRINSICS_LINES)
    cameras = {}
    for number in sorted(matrices.keys() & places.keys()):
        place = array(extrinsics, f"camera {number}", places[number], (EXTRINSICS_LINES, 3), limit=LIMIT)
        cameras[number] = Camera(
            _calibration.intrinsics(intrinsics, f"camera {number}", matrices[number]),
            _calibration.rotation(extrinsics, f"camera {number}", place[1:]),
            MM_PER_M * place[0],
            world_up=(0, -1, 0),
        )
    return cameras


def _blocks(file: Path, n_lines: int) -> dict[int, list[list[float]]]:
    """The lines of numbers of each camera, by its id: the second number of the line before them."""
    with reading(file):
        lines = [line.split() for line in file.read_text().splitlines() if line.strip()][N_HEADER_LINES:]
        if not lines or len(lines) % (n_lines + 1):
            raise ValueError(f"{len(lines)} lines after the header, expected {n_lines + 1} for each camera")
        starts = range(0, len(lines), n_lines + 1)
        return {
            int(lines[i][1]): [[float(number) for number in line] for line in lines[i + 1 : i + 1 + n_lines]]
            for i in starts
        }


def _decoded_size(image: ImageSource) -> tuple[int, int] | None:
    """(width, height) px; None for a broken image."""
    try:
        return read_image(image).shape[1::-1]
    except ImageError:
        return None


def _box(
    pixels: np.ndarray, image: ImageSource, size: tuple[int, int], detect: Detect | None
) -> np.ndarray | None:
    """The box [4] around the joints, and the best detection too if they are about the same; None outside the image."""
    box = joint_box(pixels, BOX_FACTOR)
    if not np.isfinite(box).all():
        return None
    if detect is not None:
        detections = detect(image)
        if (best := best_match(box, detections, MIN_IOU)) >= 0:
            box = hull(box, detections[best][:4])
    box = boxes.intersection(box, [0, 0, *size])
    return box if box[2:].min() > 0 else None
