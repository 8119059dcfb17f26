"""Human3.6M: 11 actors in a studio, four cameras at 50 frames/s, a marker system's joints (Ionescu 2014)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import ClassVar

import numpy as np
from scipy.spatial.transform import Rotation

from posepile.boxes import from_corners, to_corners
from posepile.cameras import Camera
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, array, reading
from posepile.frame import Frame, ImageSource
from posepile.prepare.sampling import Sampler

CAMERAS = ("54138969", "55011271", "58860488", "60457274")
TRAIN_SUBJECTS, TEST_SUBJECTS = (1, 5, 6, 7, 8), (9, 11)
TRAIN_STEP, TEST_STEP = 5, 64
N_RAW_JOINTS = 32
MOST_NUMBERS = 20_000 * 3 * N_RAW_JOINTS  # in a recording: 400 s at 50 frames/s; they last one to two minutes
RAW_INDEX = [*range(1, 11), *range(12, 16), 17, 18, 19, 21, 22, 25, 26, 27, 29, 30, 0]  # of our 25 joints
SAMPLED_JOINTS = (
    "rhip rkne rank lhip lkne lank spin neck head htop lsho lelb lwri rsho relb rwri pelv".split()
)
SHIFTED_S9 = ("Greeting", "SittingDown 1", "Waiting 1")
S9_SHIFT = np.array([-200.0, 0.0, 0.0])  # mm, world


@dataclass(frozen=True)
class H36M(Dataset):
    """Human3.6M, 25 joints: S1, 5, 6, 7, 8 to train, S9 and S11 (every 64th frame) to test."""

    correct_s9: bool = True
    """Mend three sequences of S9 whose joints and boxes are 200 mm off; papers differ in this."""

    facts: ClassVar[Facts] = Facts(
        id="h36m",
        title="Human3.6M",
        role="3d",
        licence="academic, non-commercial use by approved account holders; no redistribution",
        citation="Ionescu, Papava, Olaru, Sminchisescu: Human3.6M: Large Scale Datasets and Predictive Methods for 3D "
        "Human Sensing in Natural Environments. TPAMI 36(7), 2014",
        url="http://vision.imar.ro/human3.6m",
        how_to_get=(
            "Ask for an account at http://vision.imar.ro/human3.6m (approved by hand).",
            "For S1, S5, S6, S7, S8, S9 and S11 get Videos, Segments_mat_gt_bb and Poses_D3_Positions (.tgz).",
            "Get code-v1.2.zip, for Release-v1.2/metadata.xml (the cameras).",
            "Unpack into ROOT/S<n>/{Videos,MyPoseFeatures/D3_Positions,MySegmentsMat/ground_truth_bb}.",
        ),
        needs=("Release-v1.2/metadata.xml", "S*/MyPoseFeatures/D3_Positions/*.cdf"),
        examples=173_252,
    )

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        found = []
        for subject, camera in product((*TRAIN_SUBJECTS, *TEST_SUBJECTS), CAMERAS):
            for cdf in sorted((root / f"S{subject}/MyPoseFeatures/D3_Positions").glob("*.cdf")):
                activity = cdf.stem  # numbering is irregular, so what is there is listed
                has_pixels = any(path.exists() for path in _pixels(root, subject, activity, camera))
                if "_" not in activity and has_pixels:
                    split = "train" if subject in TRAIN_SUBJECTS else "test"
                    parts = (f"S{subject}", activity, camera)
                    found.append(Sequence("/".join(parts), split, root, parts))
        if not found:
            raise RawDataError(f"{root}: no video in S*/Videos, expected <Activity>.<camera>.mp4")
        return found

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        subject_name, activity, camera_name = sequence.files
        subject, root = int(subject_name[1:]), sequence.root
        camera = _cameras(root / "Release-v1.2/metadata.xml")[subject, camera_name]
        step = TRAIN_STEP if sequence.split == "train" else TEST_STEP
        poses = _poses(root / f"S{subject}/MyPoseFeatures/D3_Positions/{activity}.cdf")[::step]
        boxes = _boxes(root / f"S{subject}/MySegmentsMat/ground_truth_bb/{activity}.{camera_name}.mat", step)
        n_frames = min(len(poses), len(boxes))  # poses, boxes and video may differ in length by a few frames
        poses, boxes = poses[:n_frames], boxes[:n_frames]
        if self.correct_s9 and subject == 9 and activity in SHIFTED_S9:
            poses = poses + S9_SHIFT
            boxes = _shifted(boxes, camera, poses[:, self.skeleton.index("pelv")])
        sampler = Sampler(100.0)
        sampled = [self.skeleton.index(joint) for joint in SAMPLED_JOINTS]
        for i, (pose, box) in enumerate(zip(poses, boxes, strict=True)):
            if sequence.split == "test" or sampler.keep(pose[sampled]):
                yield Frame(
                    key=f"{sequence.name}/{i * step:06d}",
                    image=_image(root, subject, activity, camera_name, i * step),
                    camera=camera,
                    box=box,
                    joints3d=pose,
                    split=sequence.split,
                    tags={"subject": subject_name, "activity": activity, "camera": camera_name},
                )


DATASET = H36M


def _pixels(root: Path, subject: int, activity: str, camera: str) -> tuple[Path, Path]:
    """The video, and the folder of its frames that some people extract it to."""
    name = f"{activity}.{camera}"
    return root / f"S{subject}/Videos/{name}.mp4", root / f"S{subject}/Images/{name}"


def _image(root: Path, subject: int, activity: str, camera: str, frame: int) -> ImageSource:
    video, folder = _pixels(root, subject, activity, camera)
    return ImageSource(video, frame) if video.exists() else ImageSource(folder / f"frame_{frame:06d}.jpg")


@cache
def _cameras(file: Path) -> dict[tuple[int, str], Camera]:
    """Cameras by subject and name, from `w0`: 4 x 11 x 6 numbers of extrinsics, then 4 x 9 of intrinsics."""
    with reading(file):
        text = re.search(r"<w0>\s*\[(.*?)\]\s*</w0>", file.read_text(), re.DOTALL)
        numbers = text.group(1).split() if text else []
    numbers = array(file, "w0", numbers, (300,))
    extrinsics, intrinsics = numbers[:264].reshape(4, 11, 6), numbers[264:].reshape(4, 9)
    cameras = {}
    for (c, name), subject in product(enumerate(CAMERAS), range(1, 12)):
        fx, fy, cx, cy, k1, k2, k3, p1, p2 = intrinsics[c]
        cameras[subject, name] = Camera(
            intrinsics=[[fx, 0, cx], [0, fy, cy], [0, 0, 1]],
            # Rx(a) Ry(b) Rz(c): turns about the moving axes
            rotation=Rotation.from_euler("XYZ", extrinsics[c, subject - 1, :3]).as_matrix(),
            position=extrinsics[c, subject - 1, 3:],
            distortion=[k1, k2, p1, p2, k3],
        )
    return cameras


def _poses(file: Path) -> np.ndarray:
    """[T, 25, 3] mm, world, z up."""
    from cdflib import cdfread

    cdfread.range = _short_range  # the library believes a damaged file's counts, and loops for hours
    with reading(file):
        pose = np.asarray(cdfread.CDF(file).varget("Pose"))
        pose = pose.reshape(-1, pose.shape[-1])  # [1, T, 96]
    pose = array(file, "Pose", pose, (None, 3 * N_RAW_JOINTS), limit=1e5)
    return pose.reshape(-1, N_RAW_JOINTS, 3)[:, RAW_INDEX]


def _short_range(*bounds: int) -> range:
    """`range` for parsing a file. Raises ValueError for more steps than any recording has numbers."""
    if len(steps := range(*bounds)) > MOST_NUMBERS:
        raise ValueError(f"a count of {len(steps)}, expected at most {MOST_NUMBERS}")
    return steps


def _boxes(file: Path, step: int) -> np.ndarray:
    """[n, 4] px of every `step`-th frame: around the ones of the box masks, which are stored transposed."""
    import h5py

    with reading(file), h5py.File(file) as contents:
        masks = (contents[reference][()] for reference in contents["Masks"][::step, 0])
        boxes = [_bounding_box(file, mask.T) for mask in masks]
    return np.array(boxes).reshape(-1, 4)


def _bounding_box(file: Path, mask: np.ndarray) -> list[float]:
    """The outer corners of the non-zero pixels, half a pixel from their centres."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if mask.ndim != 2 or not len(rows):
        raise RawDataError(f"{file}: 'Masks' has an entry without a box, expected ones where the person is")
    x, y = columns[0], rows[0]
    return [x - 0.5, y - 0.5, columns[-1] - x + 1, rows[-1] - y + 1]


def _shifted(boxes: np.ndarray, camera: Camera, pelvis: np.ndarray) -> np.ndarray:
    """Boxes [T, 4] px moved as S9_SHIFT moves points at the depth of the pelvis [T, 3]."""
    depth = camera.world_to_camera(pelvis)[:, 2:]
    corners = to_corners(boxes).reshape(-1, 2, 2)
    moved = camera.world_to_image(camera.image_to_world(corners, depth) + S9_SHIFT)
    return from_corners(moved.reshape(-1, 4))
