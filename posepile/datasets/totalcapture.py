"""TotalCapture: five people in a studio, 8 HD cameras, joints of a marker system, mattes (Trumble 2017)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from posepile import boxes, masks
from posepile.cameras import Camera
from posepile.datasets import _calibration
from posepile.datasets._views import image_size, is_seen, n_frames
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, array, reading
from posepile.frame import Frame, ImageSource
from posepile.images import read_image
from posepile.prepare.matching import joint_box
from posepile.prepare.sampling import Sampler

RAW_JOINTS = (
    "Hips Spine Spine1 Spine2 Spine3 Neck Head RightShoulder RightArm RightForeArm RightHand LeftShoulder LeftArm "
    "LeftForeArm LeftHand RightUpLeg RightLeg RightFoot LeftUpLeg LeftLeg LeftFoot"
).split()  # in the order of our 21
LABELS = "gt_skel_gbl_pos.txt"
TEST_SUBJECTS, TEST_ACTIONS = ("4", "5"), ("walking2", "freestyle3", "acting3")
MM_PER_INCH = 25.4
MIN_VISIBLE = 6  # of the 21 joints
BOX_FACTOR = 1.25
MATTE_THRESHOLD = 127  # of a person; the matte's noise is darker
LIMIT = 1e5  # mm
NUMBERS_PER_CAMERA = 21


@dataclass(frozen=True)
class TotalCapture(Dataset):
    """TotalCapture, 21 joints, S1 to S3, to train; y is up. What is tested on by custom is left out: S4 and S5,
    and walking2, freestyle3, acting3."""

    facts: ClassVar[Facts] = Facts(
        id="totalcapture",
        title="Total Capture",
        role="3d",
        licence="research use by permission of the authors; no redistribution",
        citation="Trumble, Gilbert, Malleson, Hilton, Collomosse: Total Capture: 3D Human Pose Estimation Fusing Video "
        "and Inertial Sensors. BMVC 2017",
        url="https://cvssp.org/data/totalcapture/",
        how_to_get=(
            "Ask for access at https://cvssp.org/data/totalcapture/ (by e-mail).",
            "For s1, s2 and s3 get the archives below video/ and mattes/ and s<n>_vicon_pos_ori.tar.gz, and "
            "calibration.cal.",
            "Unpack each where it lies: ROOT/{video,mattes}/s<n>/.../TC_S<n>_<action>_cam<c>.mp4, in the same folders "
            f"below both, and ROOT/vicon/S<n>/<action>/{LABELS}.",
        ),
        needs=(
            "calibration.cal",
            f"vicon/S*/*/{LABELS}",
            "video/**/TC_S*_cam*.mp4",
            "mattes/**/TC_S*_cam*.mp4",
        ),
    )

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        found = {}
        for video in sorted((root / "video").rglob("*.mp4")):
            match = re.fullmatch(r"TC_S(\d)_([a-z]+\d)_cam(\d)\.mp4", video.name, re.ASCII)
            if not match or match[1] in TEST_SUBJECTS or match[2] in TEST_ACTIONS:
                continue
            name = f"S{match[1]}/{match[2]}/cam{match[3]}"
            place = video.relative_to(root / "video").as_posix()
            if name in found:
                raise RawDataError(f"{video}: the same recording as {found[name].files[-1]}, expected one")
            found[name] = Sequence(name, "train", root, (f"S{match[1]}", match[2], match[3], place))
        if not found:
            raise RawDataError(f"{root}: no video/**/TC_S<1..3>_<action>_cam<1..8>.mp4 to train on")
        return list(found.values())

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        root, (subject, action, camera_name, place) = sequence.root, sequence.files
        video, matte_video = root / "video" / place, root / "mattes" / place
        camera = _camera(root / "calibration.cal", int(camera_name))
        poses = _poses(root / f"vicon/{subject}/{action}/{LABELS}")
        # They differ by a few frames
        poses = poses[: min(n_frames(video), n_frames(matte_video))]
        size = image_size(ImageSource(video, 0))
        sampler = Sampler(100.0)
        for i, pose in enumerate(poses):
            pixels = camera.world_to_image(pose)
            n_visible = boxes.contains([0, 0, *size], pixels).sum()
            if n_visible < MIN_VISIBLE or not sampler.keep(pose):
                continue
            matte = _matte(ImageSource(matte_video, i), size)
            box = boxes.intersection(joint_box(pixels, BOX_FACTOR, size), _box_of_matte(matte))
            if not is_seen(box, size):
                continue
            yield Frame(
                key=f"{sequence.name}/{i:06d}",
                image=ImageSource(video, i),
                camera=camera,
                box=box,
                joints3d=pose,
                mask=masks.encode(matte > MATTE_THRESHOLD),
                split="train",
                tags={"subject": subject, "activity": action, "camera": camera_name, "frame": str(i)},
            )


DATASET = TotalCapture


def _camera(file: Path, number: int) -> Camera:
    """The camera with a 1-based number."""
    with reading(file):
        numbers = [float(word) for word in file.read_text().split()]
        n_cameras, order = numbers[:2]
    if order != 1:
        raise RawDataError(f"{file}: distortion of order {order:g}, expected 1")
    if len(numbers) != 2 + NUMBERS_PER_CAMERA * n_cameras or not 1 <= number <= n_cameras:
        raise RawDataError(
            f"{file}: {len(numbers)} numbers of {n_cameras:g} cameras, expected 2 and {NUMBERS_PER_CAMERA} for each, "
            f"and camera {number}"
        )
    start = 2 + NUMBERS_PER_CAMERA * (number - 1)
    values = array(file, f"camera {number}", numbers[start : start + NUMBERS_PER_CAMERA], (None,), limit=1e5)
    fx, fy, cx, cy, k1 = values[4:9]  # after the image's limits
    rotation = _calibration.rotation(file, f"rotation of camera {number}", values[9:18].reshape(3, 3))
    intrinsics = _calibration.intrinsics(file, f"camera {number}", [[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    position = -rotation.T @ (1000 * values[18:])  # m to mm
    return Camera(intrinsics, rotation, position, [k1], world_up=(0, 1, 0))


def _poses(file: Path) -> np.ndarray:
    """[T, 21, 3] mm."""
    with reading(file):
        header, *lines = file.read_text().splitlines()
        rows = [[float(word) for word in line.split()] for line in lines if line.strip()]
    if missing := set(RAW_JOINTS) - set(names := header.split()):
        raise RawDataError(f"{file}: no joint {min(missing)!r} in line 1, expected {len(RAW_JOINTS)} joints")
    inches = array(file, LABELS, rows, (None, 3 * len(names)), limit=LIMIT / MM_PER_INCH)
    order = [names.index(joint) for joint in RAW_JOINTS]
    return MM_PER_INCH * inches.reshape(len(rows), len(names), 3)[:, order]


def _matte(source: ImageSource, size: tuple[int, int]) -> np.ndarray:
    """[h, w] uint8, white where a person is."""
    with reading(source.path):
        matte = read_image(source)[..., 0]
    if matte.shape != size[::-1]:
        raise RawDataError(
            f"{source}: {matte.shape[1]} x {matte.shape[0]} px, expected {size[0]} x {size[1]}"
        )
    return matte


def _box_of_matte(matte: np.ndarray) -> np.ndarray:
    """[4] px: around all that is not black; of size 0 if all is."""
    return masks.box(masks.encode(matte)) if matte.any() else np.zeros(4)
