"""Raw files of BML-MoVi: markers of a round, and cameras."""

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from posepile.cameras import Camera
from posepile.datasets import _calibration
from posepile.datasets.raw import RawDataError, array, load_json, load_mat, load_npy, reading
from posepile.video_times import video_times

MOCAP_RATE = 120  # Hz
N_MARKERS, N_CENTRES = 67, 20
N_JOINTS = N_MARKERS + N_CENTRES
S_COLUMNS = (0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16)  # of 17 in rounds S1 and S2
S_JOINTS = (5, 6, 12, 13, 20, 36, 37, 43, 44, 51, 67, 71, 77, 79, 85)  # of the 87, in the same order
MAX_DIFFERENCE = 50.0  # mm, median, between joint centres that the file has twice
PHONE_INTRINSICS = [[1508.7021, 0, 960], [0, 1508.7021, 540], [0, 0, 1]]
LIMIT = 1e5  # mm
MAX_ROLL = np.deg2rad(7)  # of the phone that is held

CameraOf = Callable[[int], Camera | None]


def motion_file(root: Path, round: str, subject: int) -> Path:
    """The file of a round ("F", "S1", "S2")."""
    if round == "F":
        folder = "F_Subjects_1_45" if subject <= 45 else "F_Subjects_46_90"
        return root / folder / f"F_v3d_Subject_{subject}.mat"
    return root / f"S/S_v3d_Subject_{subject}.mat"


@lru_cache(maxsize=2)  # the videos of a subject come one after the other
def load_points(file: Path, round: str, subject: int) -> np.ndarray:
    """[N, 87, 3] mm at 120 Hz, z up; NaN where not found."""
    variable = f"Subject_{subject}_{round[0]}"
    contents = load_mat(file, variable, squeezed=True)[variable]
    with reading(file):
        moves = np.ravel(np.array(contents.move, object))
        if len(moves) != (expected := 1 if round == "F" else 2):
            raise RawDataError(f"{file}: {len(moves)} recordings in 'move', expected {expected}")
        move = moves[1 if round == "S2" else 0]
        markers, centres = move.markerLocation, move.virtualMarkerLocation
    return _points_of_f(file, markers, centres) if round == "F" else _points_of_s(file, markers)


def _points_of_f(file: Path, markers: Any, centres: Any) -> np.ndarray:
    points = _known(file, "markerLocation", markers, N_JOINTS)
    centres = _known(file, "virtualMarkerLocation", centres, N_CENTRES)
    if len(centres) != len(points):
        raise RawDataError(
            f"{file}: {len(points)} rows of markers, {len(centres)} of centres, expected as many"
        )
    differences = np.linalg.norm(points[:, N_MARKERS:] - centres, axis=-1)
    differences = differences[np.isfinite(differences)]
    if len(differences) and (median := np.median(differences)) > MAX_DIFFERENCE:
        raise RawDataError(
            f"{file}: columns {N_MARKERS} and up of 'markerLocation' are {median:.0f} mm (median) from "
            f"'virtualMarkerLocation', expected at most {MAX_DIFFERENCE:g}"
        )
    return points


def _points_of_s(file: Path, markers: Any) -> np.ndarray:
    found = _known(file, "markerLocation", markers, 17)
    points = np.full((len(found), N_JOINTS, 3), np.nan)
    points[:, S_JOINTS] = found[:, S_COLUMNS]
    return points


def _known(file: Path, field: str, value: Any, n: int) -> np.ndarray:
    """[N, n, 3]: the origin stands for a marker that is missing, a single 0 or a negative number does not."""
    points = array(file, field, value, (None, n, 3), finite=False, limit=LIMIT)
    return np.where((points == 0).all(axis=-1, keepdims=True), np.nan, points)


def at_frames(points: np.ndarray, n_frames: int, rate: float, offset: float) -> np.ndarray:
    """[T, 87, 3]: points at the times of a video's frames, T <= n_frames; NaN before the first row.

    Args:
        points: [N, 87, 3] at 120 Hz.
        rate: the video's frames a second.
        offset: the video's time, in s, at the first row.
    """
    places = np.round((np.arange(n_frames) / rate - offset) * MOCAP_RATE, 6)  # 3.9999999 is 4
    return at_places(points, places[places < len(points) - 1])


def at_places(points: np.ndarray, places: np.ndarray) -> np.ndarray:
    """[T, J, 3]: rows of points [N, J, 3], interpolated at places [T]; NaN before the first and from the last on."""
    is_inside = (places >= 0) & (places < len(points) - 1)
    rows = np.where(is_inside, places, 0).astype(int)
    weights = np.where(is_inside, places - rows, 0)[:, np.newaxis, np.newaxis]
    # A row that is hit does not need the next one
    found = np.where(weights == 0, points[rows], (1 - weights) * points[rows] + weights * points[rows + 1])
    return np.where(is_inside[:, np.newaxis, np.newaxis], found, np.nan)


def fixed_camera(root: Path, number: int) -> Camera:
    """PG1 or PG2. MATLAB's cameras multiply row vectors, and count pixels from 1."""
    place_file, lens_file = (root / f"Calib/{kind}_PG{number}.npz" for kind in ("Extrinsics", "cameraParams"))
    place, lens = (_load_npz(file) for file in (place_file, lens_file))
    with reading(place_file):
        turn = _calibration.rotation(place_file, "rotationMatrix", place["rotationMatrix"])
        translation = np.ravel(place["translationVector"])
        translation = array(place_file, "translationVector", translation, (3,), limit=LIMIT)
    with reading(lens_file):
        intrinsics = _calibration.intrinsics(
            lens_file, "IntrinsicMatrix", np.transpose(lens["IntrinsicMatrix"])
        )
        distortion = array(lens_file, "RadialDistortion", np.ravel(lens["RadialDistortion"]), (2,), limit=1e3)
    return Camera(intrinsics, turn.T, -turn @ translation, distortion).shifted((-1, -1))


def _load_npz(file: Path) -> dict[str, np.ndarray]:
    loaded = load_npy(file)
    if not isinstance(loaded, dict):
        raise RawDataError(f"{file}: one array, expected several with names")
    return loaded


def phone_file(root: Path, round: str, number: int) -> Path:
    """The calibration of CP1 or CP2, which the authors do not give."""
    return root / f"Calib/{round}_CP{number}.json"


def phone_entries(file: Path) -> dict:
    """The entries of a phone's calibration, by subject."""
    entries = load_json(file)
    if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
        raise RawDataError(f"{file}: not an entry for each subject, expected {{subject: {{…}}, …}}")
    return entries


def phone_cameras(file: Path, subject: int) -> tuple[CameraOf, float]:
    """The camera at each frame, None where it is not known, and the video's time offset in s."""
    facts = load_json(file)
    with reading(file):
        entry = facts[str(subject)]
        offset = float(array(file, "time_offset_s", entry["time_offset_s"], (), limit=1e4))
        if "camera" in entry:
            still = _phone_camera(file, entry["camera"])
            return (lambda frame: still), offset
        cameras = {int(i): _phone_camera(file, place) for i, place in dict(entry["cameras"]).items() if place}
    return cameras.get, offset


def _phone_camera(file: Path, place: Any) -> Camera:
    with reading(file):
        rotation = _calibration.rotation(file, "rotation", place["rotation"])
        return Camera(
            PHONE_INTRINSICS, rotation, array(file, "position", place["position"], (3,), limit=LIMIT)
        )


def length(video: Path) -> tuple[int, float]:
    """How many frames, and how many a second."""
    with reading(video):
        times = video_times(video)
        seconds = Fraction(int(times.end - times.starts[0])) * times.tick
        return len(times), float(len(times) / seconds)


def roll(camera: Camera) -> float:
    """The angle, in radians, between the camera's x axis and that of an upright camera in its direction."""
    right = np.cross(camera.rotation[2], camera.world_up)
    cos = camera.rotation[0] @ right / max(np.linalg.norm(right), 1e-9)
    return float(np.arccos(np.clip(cos, -1, 1)))
