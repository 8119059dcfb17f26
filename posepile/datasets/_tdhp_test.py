"""The test set of MPI-INF-3DHP, TS1 to TS6: its labels, and its two cameras, which are published as constants.

Source: sheet of tdhp, sections 3 and 4.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posepile.cameras import Camera
from posepile.datasets._tdhp import LABEL_ERROR, RAW_JOINTS_17, projection_error
from posepile.datasets.raw import RawDataError, array, reading

SCENES = {
    "TS1": "green-screen", "TS2": "green-screen", "TS3": "no-green-screen", "TS4": "no-green-screen",
    "TS5": "outdoor", "TS6": "outdoor",
}  # fmt: skip
ACTIVITIES = ("Stand/Walk", "Exercise", "Sit on Chair", "Reach/Crouch", "On Floor", "Sports", "Misc.")
_FIELDS = {"annot3": 3, "univ_annot3": 3, "annot2": 2, "valid_frame": 0, "activity_annotation": 0}


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of T images; joints in the order of RAW_JOINTS_17.

    Attributes:
        poses: [T, 17, 3] mm, in the camera's frame.
        universal: the same for a person of the height that all have in common.
        pixels: [T, 17, 2].
        is_valid: [T] bool, whether the image is labelled.
        activities: T names; "" where not valid.
    """

    poses: np.ndarray
    universal: np.ndarray
    pixels: np.ndarray
    is_valid: np.ndarray
    activities: tuple[str, ...]


def load_labels(file: Path) -> Labels:
    """The labels of a test set's annot_data.mat. Raises RawDataError."""
    import h5py

    with reading(file), h5py.File(file) as contents:
        raw = {field: contents[field][()] for field in _FIELDS}
        n = len(raw["valid_frame"])
    found = {}
    for field, width in _FIELDS.items():
        shape = (n, 1, len(RAW_JOINTS_17), width) if width else (n, 1)
        found[field] = array(file, field, raw[field], shape, finite=False, limit=1e6)[:, 0]
    is_valid = found["valid_frame"] == 1
    for field, values in found.items():
        if not np.isfinite(values[is_valid]).all():
            raise RawDataError(f"{file}: {field!r} has NaN in valid frames, expected none")
    numbers = np.where(is_valid, found["activity_annotation"], 0)
    if not np.isin(numbers[is_valid], np.arange(1, len(ACTIVITIES) + 1)).all():
        raise RawDataError(
            f"{file}: 'activity_annotation' has other values than 1 to {len(ACTIVITIES)} in valid frames"
        )
    activities = tuple(("", *ACTIVITIES)[int(number)] for number in numbers)
    return Labels(found["annot3"], found["univ_annot3"], found["annot2"], is_valid, activities)


def fitting_camera(file: Path, name: str, labels: Labels) -> Camera:
    """The reading of the published constants with which the 3D labels fit the 2D labels better.

    Whether the outdoor 2D labels have the lens distortion in them is not known, so either is accepted. Raises
    RawDataError where neither reading fits.
    """
    poses, pixels = labels.poses[labels.is_valid], labels.pixels[labels.is_valid]
    first, second = published_cameras(name)
    if not len(poses):
        return first

    def error(camera: Camera) -> float:
        return min(projection_error(model, poses, pixels) for model in (camera, camera.without_distortion()))

    camera = min(first, second, key=error)
    if not error(camera) <= LABEL_ERROR:
        raise RawDataError(
            f"{file}: 'annot3' projects {error(camera):.1f} px (median) off 'annot2' with the camera of {name}, "
            f"expected at most {LABEL_ERROR:g}"
        )
    return camera


def published_cameras(name: str) -> tuple[Camera, Camera]:
    """The camera of a test set in two readings of the pixels' aspect.

    It stretches the y axis: the focal length and the principal point, or the focal length alone.
    """
    if SCENES[name] == "outdoor":
        size, sensor, focal, aspect = np.array([1920, 1080]), np.array([10, 5.625]), 8.770747185, 0.993236423
        offset = np.array([-0.104908645, 0.104899704])
        distortion = (-0.276859611, 0.131125256, -0.000360494, -0.001149441, -0.049318332)
        origin = (-2104.3074, 1038.6707, -4596.6367)
        up, right = (0.025272345, 0.995038509, 0.096227370), (-0.939647257, -0.009210289, 0.342020929)
    else:
        size, sensor, focal, aspect = np.array([2048, 2048]), np.array([10, 10]), 7.32506, 1.00044
        offset, distortion = np.array([-0.0322884, 0.0929296]), ()
        origin = (3427.28, 1387.86, 309.42)
        up, right = (-0.208215, 0.976233, 0.06014), (0.000575281, 0.0616098, -0.9981)
    rotation = np.stack([right, np.negative(up), np.cross(up, right)])
    px_per_mm, stretch = size / sensor, np.array([1, aspect])
    centre = (sensor / 2 + offset) * px_per_mm
    cameras = []
    for principal_point in (centre * stretch, centre):
        intrinsics = np.diag([*(focal * px_per_mm * stretch), 1.0])
        intrinsics[:2, 2] = principal_point
        cameras.append(Camera(intrinsics, rotation, np.array(origin), np.array(distortion), (0, 1, 0)))
    return tuple(cameras)
