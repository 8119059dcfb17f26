"""The training recordings of MPI-INF-3DHP, from which MuCo-3DHP is composed too: labels, cameras, masks.

A recording is a folder S<1..8>/Seq<1..2> of 14 synchronous cameras. Source: sheet of tdhp, sections 3 to 5.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posepile.cameras import Camera
from posepile.datasets.raw import RawDataError, array, load_mat, reading
from posepile.skeletons import load_data_set

N_CAMERAS = 14
RAW_JOINTS = (
    "thor spi4 spi2 spin pelv neck head htop lcla lsho lelb lwri lhan rcla rsho relb rwri rhan "
    "lhip lkne lank lfoo ltoe rhip rkne rank rfoo rtoe"
).split()
RAW_JOINTS_17 = "htop neck rsho relb rwri lsho lelb lwri rhip rkne rank lhip lkne lank pelv spin head".split()
"""The order of the test files, and of MuPoTS-3D."""
N_FRAMES = {  # with pixels; the labels can outlast the video
    "S1/Seq1": 6416, "S1/Seq2": 12430, "S2/Seq1": 6502, "S2/Seq2": 6081, "S3/Seq1": 12488, "S3/Seq2": 12283,
    "S4/Seq1": 6171, "S4/Seq2": 6675, "S5/Seq1": 12820, "S5/Seq2": 12312, "S6/Seq1": 6188, "S6/Seq2": 6145,
    "S7/Seq1": 6239, "S7/Seq2": 6320, "S8/Seq1": 6468, "S8/Seq2": 6054,
}  # fmt: skip
N_FRAMES_OF_CAMERA = {("S6/Seq2", 2): 3911}
SWAPPED = "S4/Seq2"
FIRST_SWAPPED, LAST_SWAPPED = 3759, 5852
LABEL_ERROR = 10.0  # px that projected labels may be off the labelled pixels, in the median
_SEARCH = 5  # frames around a published frame number in which the labels are looked at


@dataclass(frozen=True, eq=False)
class View:
    """What one camera sees of a recording.

    Attributes:
        camera, size: of its images, (width, height) px.
        poses: [T, 28, 3] mm, in the camera's frame; joints in the order of the data set's skeleton.
    """

    camera: Camera
    size: tuple[int, int]
    poses: np.ndarray


def load_views(folder: Path, cameras: Collection[int], mend_swap: bool = True) -> dict[int, View]:
    """The views of some cameras (0..13) of the recording in `folder`.

    Args:
        mend_swap: put left and right back where the labels of S4/Seq2 have them exchanged.

    Raises:
        RawDataError: also where the 3D labels do not project onto the 2D labels.
    """
    file, calibration = folder / "annot.mat", folder / "camera.calibration"
    blocks = _calibration_blocks(calibration)
    labels = load_mat(file, "annot2", "annot3")
    views = {}
    for c in cameras:
        camera, size = _camera(calibration, blocks, c)
        poses = _cell(file, labels, "annot3", c, 3)
        check_projection(file, camera, poses, _cell(file, labels, "annot2", c, 2))
        poses = poses[: _n_frames(folder, c)]
        if mend_swap and recording_name(folder) == SWAPPED:
            poses = _unswapped(file, poses)
        views[c] = View(camera, size, poses)
    return views


def recording_name(folder: Path) -> str:
    """ "S1/Seq2"."""
    return f"{folder.parent.name}/{folder.name}"


def check_projection(file: Path, camera: Camera, poses: np.ndarray, pixels: np.ndarray) -> None:
    """Raises RawDataError unless poses [T, J, 3] mm, camera frame, project onto their pixels [T, J, 2]."""
    if len(poses) != len(pixels):
        raise RawDataError(
            f"{file}: {len(poses)} poses in 'annot3', {len(pixels)} in 'annot2', expected the same"
        )
    if len(poses) and not (error := projection_error(camera, poses, pixels)) <= LABEL_ERROR:
        raise RawDataError(
            f"{file}: 'annot3' projects {error:.1f} px (median) off 'annot2', expected at most {LABEL_ERROR:g}"
        )


def projection_error(camera: Camera, poses: np.ndarray, pixels: np.ndarray) -> float:
    """The median distance, px, of projected poses [..., 3] mm, camera frame, from `pixels` [..., 2].

    Infinite if no more than half of the points have a projection.
    """
    errors = np.linalg.norm(camera.camera_to_image(poses) - pixels, axis=-1)
    return float(np.median(np.nan_to_num(errors, nan=np.inf)))


def _n_frames(folder: Path, camera: int) -> int | None:
    name = recording_name(folder)
    return N_FRAMES_OF_CAMERA.get((name, camera), N_FRAMES.get(name))


def _cell(file: Path, labels: dict, field: str, camera: int, width: int) -> np.ndarray:
    """[T, 28, width]: one camera's rows of a cell array 14 x 1."""
    with reading(file):
        rows = np.ravel(labels[field])[camera]
    rows = array(file, f"{field}{{{camera + 1}}}", rows, (None, width * len(RAW_JOINTS)), limit=1e5)
    order = [RAW_JOINTS.index(joint) for joint in load_data_set("tdhp").joints]
    return rows.reshape(-1, len(RAW_JOINTS), width)[:, order]


def _calibration_blocks(file: Path) -> list[dict[str, list[str]]]:
    """The lines of each camera, by their first word."""
    blocks = []
    with reading(file):
        lines = [line.split() for line in file.read_text().splitlines() if line.strip()]
    for key, *values in lines:
        if key == "name":
            blocks.append({})
        if blocks:
            blocks[-1][key] = values
    return blocks


def _camera(file: Path, blocks: list[dict[str, list[str]]], c: int) -> tuple[Camera, tuple[int, int]]:
    if c >= len(blocks):
        raise RawDataError(f"{file}: has {len(blocks)} cameras, expected {N_CAMERAS}")
    with reading(file):
        size, intrinsics, extrinsics = (blocks[c][key] for key in ("size", "intrinsic", "extrinsic"))
    width, height = array(file, "size", size, (2,), limit=1e5)
    intrinsics = array(file, "intrinsic", intrinsics, (16,), limit=1e6).reshape(4, 4)[:3, :3]
    extrinsics = array(file, "extrinsic", extrinsics, (16,), limit=1e6).reshape(4, 4)
    rotation = extrinsics[:3, :3]
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3) or np.linalg.det(rotation) < 0:
        raise RawDataError(f"{file}: 'extrinsic' of camera {c} has no rotation in it, expected [R | t]")
    with reading(file):
        return Camera.from_matrices(intrinsics, extrinsics, world_up=(0, 1, 0)), (int(width), int(height))


def _unswapped(file: Path, poses: np.ndarray) -> np.ndarray:
    """Poses [T, 28, 3] with left and right exchanged between the two frames at which the labels exchange them.

    A copy of the data without that fault is left as it is.
    """
    mirror = load_data_set("tdhp").mirror
    first = _exchange(poses, mirror, FIRST_SWAPPED)
    end = _exchange(poses, mirror, LAST_SWAPPED + 1)
    if first is None and end is None:
        return poses
    if first is None or (end is None and len(poses) > LAST_SWAPPED + 1):
        raise RawDataError(
            f"{file}: left and right are exchanged near one of the frames {FIRST_SWAPPED} and {LAST_SWAPPED + 1}, "
            "expected both or none"
        )
    poses = poses.copy()
    poses[first:end] = poses[first:end, mirror]
    return poses


def _exchange(poses: np.ndarray, mirror: np.ndarray, frame: int) -> int | None:
    """The frame next to `frame` that continues the motion only with left and right exchanged; None without one."""
    first, end = max(frame - _SEARCH, 1), min(frame + _SEARCH + 1, len(poses))
    if first >= end:
        return None
    before, after = poses[first - 1 : end - 1], poses[first:end]
    jump, mirrored_jump = (
        np.linalg.norm(pose - before, axis=-1).mean(axis=-1) for pose in (after, after[:, mirror])
    )
    best = int(np.argmax(jump - mirrored_jump))
    return first + best if jump[best] > mirrored_jump[best] else None
