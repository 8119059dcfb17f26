"""The calibration of BML-MoVi's phones, video by video: keypoints in and out of files, cameras into the reader's."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from posepile.cameras import Camera
from posepile.datasets import _bml_movi
from posepile.datasets._movi_phones import Calibration, calibrate
from posepile.datasets.bml_movi import VIDEO
from posepile.datasets.raw import RawDataError, array, load_npy
from posepile.frame import ImageSource
from posepile.images import read_image

FindKeypoints = Callable[[np.ndarray], np.ndarray]
"""An image to COCO's keypoints [n, 17, 3] of its people, as posepile.people.KeypointDetector has it."""
LIMIT = 1e5  # px
N_KEYPOINTS = 17


class PhoneVideo(NamedTuple):
    """A video of a phone, "F_CP1_Subject_7.mp4"."""

    path: Path
    round: str
    number: int
    subject: int

    @property
    def is_held(self) -> bool:
        return self.number == 2


class Outcome(NamedTuple):
    """What became of a video: the entry of the reader's file, or why there is none; whether it was there before."""

    video: str
    entry: dict | None
    was_known: bool = False
    error: str = ""


def phone_videos(root: Path) -> list[PhoneVideo]:
    """The videos of phones, with markers, below `root`. Raises RawDataError if there are none."""
    found = []
    for path in sorted((*root.glob("*.avi"), *root.glob("*.mp4"))):
        if (match := VIDEO.fullmatch(path.name)) and match[2] == "CP":
            video = PhoneVideo(path, match[1], int(match[3]), int(match[4]))
            if _bml_movi.motion_file(root, video.round, video.subject).exists():
                found.append(video)
    if not found:
        raise RawDataError(f"{root}: no <F|S1|S2>_CP<1|2>_Subject_<n>.mp4 with markers")
    return found


def calibrate_video(root: Path, video: PhoneVideo, folder: Path, find_keypoints: FindKeypoints) -> Outcome:
    """Makes a video's entry in ROOT/Calib/<F|S1|S2>_CP<1|2>.json, unless it has one.

    Args:
        root: of the data set.
        folder: of the keypoints: FOLDER/<video>.npz is read, and written first where it is missing.
        find_keypoints: called for each frame of a video whose keypoints are not known.
    """
    file = _bml_movi.phone_file(root, video.round, video.number)
    entries = _bml_movi.phone_entries(file) if file.exists() else {}
    if entry := entries.get(str(video.subject)):
        return Outcome(video.path.name, entry, was_known=True)
    try:
        n_frames, rate = _bml_movi.length(video.path)
        people = _keypoints(folder / f"{video.path.name}.npz", video, n_frames, find_keypoints)
        motion = _bml_movi.motion_file(root, video.round, video.subject)
        points = _bml_movi.load_points(motion, video.round, video.subject)
        entry = _entry(calibrate(people, rate, points, video.is_held))
    except ValueError as error:
        return Outcome(video.path.name, None, error=str(error))
    with _replacing(file) as temporary:
        temporary.write_text(json.dumps({**entries, str(video.subject): entry}, allow_nan=False))
    return Outcome(video.path.name, entry)


def _keypoints(
    file: Path, video: PhoneVideo, n_frames: int, find_keypoints: FindKeypoints
) -> list[np.ndarray]:
    if not file.exists():
        found = [find_keypoints(read_image(ImageSource(video.path, i))) for i in range(n_frames)]
        with _replacing(file) as temporary, temporary.open("wb") as stream:
            people = np.concatenate(found).astype(np.float32)
            np.savez_compressed(stream, people=people, counts=[len(one) for one in found])
    loaded = load_npy(file, "people", "counts")
    people = array(file, "people", loaded["people"], (None, N_KEYPOINTS, 3), limit=LIMIT)
    counts = array(file, "counts", loaded["counts"], (None,), dtype=np.int64)
    if len(counts) != n_frames:
        raise RawDataError(
            f"{file}: keypoints of {len(counts)} frames, expected {n_frames} as in {video.path.name}"
        )
    if counts.min(initial=0) < 0 or counts.sum() != len(people):
        raise RawDataError(f"{file}: 'counts' is not how many of the {len(people)} people each frame has")
    return np.split(people, np.cumsum(counts)[:-1])


def _entry(calibration: Calibration) -> dict:
    facts = {
        "time_offset_s": round(calibration.offset, 4),
        "inliers": round(calibration.inliers, 3),
        "error_px": round(calibration.error, 2),
    }
    if isinstance(calibration.cameras, Camera):
        return {**facts, "camera": _place(calibration.cameras)}
    return {**facts, "cameras": {str(i): _place(camera) for i, camera in calibration.cameras.items()}}


def _place(camera: Camera | None) -> dict | None:
    return camera and {
        "rotation": camera.rotation.round(6).tolist(),
        "position": camera.position.round(1).tolist(),
    }


@contextmanager
def _replacing(file: Path) -> Iterator[Path]:
    """A name beside `file` to write to, which then takes its place: a killed run leaves a whole file or none."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)
