"""UMPM: up to four people, one or two of them with markers, before four cameras (van der Aa 2011)."""

import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from scipy.spatial.transform import Rotation

from posepile.cameras import Camera
from posepile.datasets import _calibration
from posepile.datasets._c3d import load_c3d
from posepile.datasets._views import image_size, is_seen, n_frames
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, RawDataWarning, array, reading
from posepile.frame import Frame, ImageSource
from posepile.prepare.filters import UMPM as UMPM_BONES
from posepile.prepare.filters import BoneLimits
from posepile.prepare.matching import joint_box, match
from posepile.prepare.sampling import MemorySampler

CAMERAS = "fsrl"
N_JOINTS = 15
MOCAP_RATE, MOCAP_STEP = 100, 2  # Hz; the videos have 50
BOX_FACTOR = 1.15
MIN_IOU = 0.5
N_REMEMBERED = 300
MENDED = {"p2_free_1": "calib_n27", "p3_circle_2": "calib_l06"}  # whose files name another calibration
BROKEN = ("p2_free_2",)  # whose file is another sequence's, and whose calibration nobody knows
LIMIT = 1e5  # mm


@dataclass(frozen=True)
class Umpm(Dataset):
    """UMPM, 15 joints, everybody with markers, all to train; z is up."""

    facts: ClassVar[Facts] = Facts(
        id="umpm",
        title="UMPM: Utrecht Multi-Person Motion benchmark",
        role="3d",
        licence="research use by account holders",
        citation="van der Aa, Luo, Giezeman, Tan, Veltkamp: Utrecht Multi-Person Motion (UMPM) benchmark: a "
        "multi-person dataset with synchronized video and motion capture data. HICV workshop at ICCV 2011",
        url="https://www2.projects.science.uu.nl/umpm/",
        how_to_get=(
            "Ask the authors for an account: https://www2.projects.science.uu.nl/umpm/",
            "Get all zip files that urls.txt lists, and unpack them into the same folder: ROOT/<sequence>.json, "
            "ROOT/Video, ROOT/Groundtruth/<sequence>_vm.c3d, ROOT/Calib.",
            "Unpack ROOT/Video/<sequence>_<f|s|r|l>.avi.xz (xz -d; all together about 1 TB). Frames extracted to "
            "Video/<sequence>_<camera>/frame_<six digits from 0>.jpg will do instead.",
        ),
        needs=("*.json", "Groundtruth/*_vm.c3d", "Calib/*.ini", "Video/*_?*"),
        examples=166_833,
        uses_detector=True,
    )
    bone_limits: ClassVar[BoneLimits | None] = UMPM_BONES

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        names = [file.name.removesuffix("_vm.c3d") for file in sorted(root.glob("Groundtruth/*_vm.c3d"))]
        found = [
            Sequence(f"{name}_{camera}", "train", root, (name, camera))
            for name in names
            if name not in BROKEN and (root / f"{name}.json").exists()
            for camera in CAMERAS
            if any(path.exists() for path in _pixels(root, name, camera))
        ]
        if skipped := set(BROKEN) & set(names):
            warnings.warn(
                f"{root}: {len(skipped)} sequence skipped, {min(skipped)}, whose calibration is not known",
                RawDataWarning,
                stacklevel=2,
            )
        if not found:
            raise RawDataError(f"{root}: no Video/<sequence>_<f|s|r|l>.avi, expected them unpacked by xz -d")
        return found

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        root, (name, camera_name) = sequence.root, sequence.files
        calibration = MENDED.get(name) or _calibration_name(root / f"{name}.json", name)
        camera = _camera(root / f"Calib/{calibration}_{camera_name}.ini")
        poses = _poses(root / f"Groundtruth/{name}_vm.c3d")
        video, folder = _pixels(root, name, camera_name)
        n_images = n_frames(video) if video.exists() else len(list(folder.glob("frame_*.jpg")))
        images = [
            ImageSource(video, i) if video.exists() else ImageSource(folder / f"frame_{i:06d}.jpg")
            for i in range(min(n_images, len(poses)))
        ]
        size = image_size(images[0]) if images else (0, 0)
        samplers = [MemorySampler(100.0, N_REMEMBERED) for _ in range(poses.shape[1])]
        for i, image in enumerate(images):
            found = _boxes(camera, poses[i], size, image, detect)
            for person, box in enumerate(found):
                pose = poses[i, person]
                # A step aside is no new pose
                if box is None or not samplers[person].keep(pose - np.nanmean(pose, axis=0)):
                    continue
                yield Frame(
                    key=f"{sequence.name}/{i:06d}_{person}",
                    image=image,
                    camera=camera,
                    box=box,
                    joints3d=pose,
                    split="train",
                    tags={"sequence": name, "camera": camera_name, "frame": str(i), "person": str(person)},
                )


DATASET = Umpm


def _pixels(root: Path, name: str, camera: str) -> tuple[Path, Path]:
    """The video, and the folder of its frames that some people extract it to."""
    return root / f"Video/{name}_{camera}.avi", root / f"Video/{name}_{camera}"


def _boxes(
    camera: Camera, poses: np.ndarray, size: tuple[int, int], image: ImageSource, detect: Detect | None
) -> list[np.ndarray | None]:
    """The detection of each person [P, 15, 3], None where there is none."""
    boxes = [joint_box(camera.world_to_image(pose), BOX_FACTOR) for pose in poses]
    if detect is None:
        return [box if is_seen(box, size) else None for box in boxes]
    detections = np.reshape(detect(image), (-1, 5))
    matched = match(np.array(boxes), detections, MIN_IOU)
    return [None if k < 0 else detections[k, :4] for k in matched]


def _calibration_name(file: Path, name: str) -> str:
    """The calibration of a sequence; the files have a comma too many."""
    with reading(file):
        facts = json.loads(re.sub(r",(\s*})", r"\1", file.read_text()))
        id, calibration = facts["id"], facts["calib"]
    if id != name:
        raise RawDataError(f"{file}: 'id' is {id!r}, expected {name!r}")
    if not (isinstance(calibration, str) and re.fullmatch(r"\w+", calibration, re.ASCII)):
        raise RawDataError(f"{file}: 'calib' is {calibration!r}, expected a name")
    return calibration


def _camera(file: Path) -> Camera:
    """Six lines: the intrinsics' rows, the distortion, Rodrigues vector and translation, world to camera."""
    with reading(file):
        lines = [[float(word) for word in line.split()] for line in file.read_text().splitlines()]
    lines = [line for line in lines if line]
    if (lengths := [len(line) for line in lines]) != [3, 3, 3, 4, 3, 3]:
        raise RawDataError(f"{file}: lines of {lengths} numbers, expected 3, 3, 3, 4, 3, 3")
    turn = array(file, "line 5", lines[4], (3,), limit=100)
    rotation = Rotation.from_rotvec(turn).as_matrix()
    return Camera(
        _calibration.intrinsics(file, "lines 1 to 3", lines[:3]),
        rotation,
        -rotation.T @ array(file, "line 6", lines[5], (3,), limit=LIMIT),
        array(file, "line 4", lines[3], (4,), limit=1e3),
    )


def _poses(file: Path) -> np.ndarray:
    """[T, P, 15, 3] mm, one for each frame of the videos; NaN where not found."""
    points = load_c3d(file)
    n_frames, n_points = points.residuals.shape
    if n_points not in (N_JOINTS, 2 * N_JOINTS):
        raise RawDataError(f"{file}: {n_points} points, expected {N_JOINTS} for each of 1 or 2 people")
    if points.unit not in ("mm", "") or round(points.rate) != MOCAP_RATE:
        raise RawDataError(f"{file}: {points.unit!r} at {points.rate:g} Hz, expected mm at {MOCAP_RATE} Hz")
    found = np.where(points.residuals[..., np.newaxis] < 0, np.nan, points.positions)
    found = array(file, "points", found, (n_frames, n_points, 3), finite=False, limit=LIMIT)
    return found[::MOCAP_STEP].reshape(-1, n_points // N_JOINTS, N_JOINTS, 3)
