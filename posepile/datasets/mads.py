"""MADS: martial arts, dancing and sports of single people before three cameras (Zhang 2017)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from scipy.spatial.transform import Rotation

from posepile import boxes
from posepile.cameras import Camera
from posepile.datasets import _calibration
from posepile.datasets._views import detected_box, image_size, is_seen, n_frames
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, array, load_mat, reading
from posepile.frame import Frame, ImageSource
from posepile.prepare.matching import joint_box
from posepile.prepare.sampling import Sampler

FOLDER = "multi_view_data"
N_JOINTS = 19
WITHOUT_HANDS_AND_TOES = (0, 1, 2, 3, 4, 6, 7, 8, 10, 11, 12, 14, 15, 16, 18)  # where 15 rows belong
BOX_FACTOR = 1.2
LEAST_SEEN = 0.25  # share of all joints in the image; fewer with another recording's camera
LIMIT = 1e5  # mm


@dataclass(frozen=True)
class Mads(Dataset):
    """The multi-view half of MADS, 19 joints (15 in some frames), all to train; y is up."""

    facts: ClassVar[Facts] = Facts(
        id="mads",
        title="MADS: Martial Arts, Dancing and Sports",
        role="3d",
        licence="free for research; the authors state no further terms",
        citation="Zhang, Liu, Zhou, Leung, Chan: Martial Arts, Dancing and Sports Dataset: a Challenging Stereo and "
        "Multi-View Dataset for 3D Human Pose Estimation. Image and Vision Computing 61, 2017",
        url="https://visal.cs.cityu.edu.hk/research/mads/",
        how_to_get=(
            "Get MADS_multiview.z01 to MADS_multiview.zip from https://visal.cs.cityu.edu.hk/research/mads/.",
            "Join them: zip -s 0 MADS_multiview.zip --out single.zip",
            f"Unpack into ROOT/{FOLDER}/<HipHop|Jazz|Kata|Sports|Taichi>/. The depth half is not needed.",
        ),
        needs=(f"{FOLDER}/*/*_GT.mat", f"{FOLDER}/*/Calib_Cam?.mat", f"{FOLDER}/*/*_C?.avi"),
        examples=32_649,
        uses_detector=True,
    )

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        found = []
        for video in sorted((root / FOLDER).glob("*/*.avi")):
            if match := re.fullmatch(r"(.+)_C(\d)\.avi", video.name, re.ASCII):
                parts = (video.parent.name, *match.groups())
                found.append(Sequence(f"{parts[0]}/{video.stem}", "train", root, parts))
        if not found:
            raise RawDataError(f"{root}: no {FOLDER}/<category>/<name>_C<camera>.avi")
        return found

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        category, name, camera_name = sequence.files
        folder = sequence.root / FOLDER / category
        video = folder / f"{name}_C{camera_name}.avi"
        calibration = folder / f"Calib_Cam{camera_name}.mat"
        camera, poses = _camera(calibration), _poses(folder / f"{name}_GT.mat")
        size = image_size(ImageSource(video, 0))
        poses = poses[: n_frames(video)]
        pixels = camera.world_to_image(poses)
        _check_seen(calibration, poses, pixels, size)
        sampler = Sampler(100.0, check_validity=True)
        for i, pose in enumerate(poses):
            box = joint_box(pixels[i], BOX_FACTOR)
            if not is_seen(box, size) or not sampler.keep(pose):
                continue
            image = ImageSource(video, i)
            yield Frame(
                key=f"{sequence.name}/{i:06d}",
                image=image,
                camera=camera,
                box=detected_box(box, image, detect),
                joints3d=pose,
                split="train",
                tags={"sequence": name, "activity": category, "camera": camera_name, "frame": str(i)},
            )


DATASET = Mads


def _camera(file: Path) -> Camera:
    """Bouguet's calibration toolbox: Rodrigues vector and translation, world to camera."""
    facts = load_mat(file, "KK", "kc", "om_ext", "T_ext")
    turn = array(file, "om_ext", np.ravel(facts["om_ext"]), (3,), limit=100)
    translation = array(file, "T_ext", np.ravel(facts["T_ext"]), (3,), limit=LIMIT)
    rotation = Rotation.from_rotvec(turn).as_matrix()
    return Camera(
        _calibration.intrinsics(file, "KK", facts["KK"]),
        rotation,
        -rotation.T @ translation,
        array(file, "kc", np.ravel(facts["kc"]), (5,), limit=1e3),
        world_up=(0, 1, 0),
    )


def _poses(file: Path) -> np.ndarray:
    """[T, 19, 3] mm, one for each frame of the videos; NaN where there is none."""
    cells = load_mat(file, "GTpose2")["GTpose2"]
    with reading(file):
        cells = array(file, "GTpose2", cells, (1, None), object)[0]
        poses = np.full((len(cells), N_JOINTS, 3), np.nan)
        for pose, cell in zip(poses, cells, strict=True):
            if len(rows := np.asarray(cell)) == N_JOINTS:
                pose[:] = rows
            elif len(rows):
                pose[list(WITHOUT_HANDS_AND_TOES)] = array(file, "GTpose2", rows, (15, 3), finite=False)
    return array(file, "GTpose2", poses, (None, N_JOINTS, 3), finite=False, limit=LIMIT)


def _check_seen(file: Path, poses: np.ndarray, pixels: np.ndarray, size: tuple[int, int]) -> None:
    """Raises RawDataError for a camera that does not see the person."""
    n_seen, n_labelled = boxes.contains(boxes.full(size), pixels).sum(), np.isfinite(poses).all(axis=-1).sum()
    if n_seen < LEAST_SEEN * n_labelled:
        raise RawDataError(
            f"{file}: {n_seen} of {n_labelled} joints of a video project into its image, expected at least "
            f"{LEAST_SEEN:.0%} with the recording's own camera"
        )
