"""Cameras of BML-MoVi's phone that is held: one a frame."""

from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from posepile.cameras import Camera
from posepile.datasets import _bml_movi
from posepile.datasets._movi_tracks import Clip, PointsAt
from posepile.datasets._ransac_pnp import find_pose, rate
from posepile.datasets._smooth_cameras import smooth_cameras

REACH = 2  # frames before and after, in which the phone hardly moves
RADIUS, RETRY_RADIUS = 15.0, 30.0  # px
ANCHOR_STEP, ANCHOR_REACH = 0.5, 0.25  # s, between the first guesses, and what each is made from
MIN_INLIERS, MIN_SHARE = 8, 0.5  # of a clip's keypoints
N_ABOUT = 5  # guesses before and after, in whose middle one should be
MAX_JUMP = 1000.0  # mm, from there
HEIGHT, DISTANCE = (0.0, 3000.0), (1000.0, 12000.0)  # mm, above the floor and from the person
INTRINSICS = np.array(_bml_movi.PHONE_INTRINSICS, float)


class Held(NamedTuple):
    """What the frames have told.

    Attributes:
        cameras: [T], None where not known.
        errors: px, of the keypoints that agree.
        n_known: how many keypoints there are in all.
        n_frames: in how many frames somebody is seen while the markers are known.
    """

    cameras: list[Camera | None]
    errors: np.ndarray
    n_known: int
    n_frames: int


def implausible(camera: Camera, points: np.ndarray) -> str | None:
    """Why nobody can have filmed points [n, 3] mm from there, None if somebody can."""
    distance = float(np.linalg.norm(np.median(points, axis=0) - camera.position))
    for name, value, (low, high) in (
        ("above the floor", camera.position[2], HEIGHT),
        ("from the person", distance, DISTANCE),
    ):
        if not low <= value <= high:
            return f"the camera is {value / 1000:.1f} m {name}, expected {low / 1000:g} to {high / 1000:g}"
    if camera.rotation[1, 2] > 0:
        return "the camera is upside down"
    return None


def clip_about(tracks: np.ndarray, frame_rate: float, frame: int, person: int, reach: int = REACH) -> Clip:
    """A frame and those about it."""
    frames = np.arange(max(frame - reach, 0), min(frame + reach + 1, len(tracks)))
    return Clip(frames / frame_rate, tracks[frames, person])


def find_cameras(
    tracks: np.ndarray, frame_rate: float, points_at: PointsAt, offset: float, rng: np.random.Generator
) -> Held:
    """The camera of each frame in which the person is seen while the markers are known.

    Args:
        tracks: [T, P, J, 2] px.
        frame_rate: frames a second.
        points_at: the markers' centres.
        offset: s.
    """
    times = np.arange(len(tracks)) / frame_rate
    points = points_at(times - offset)
    anchors = _without_jumps(_anchors(tracks, frame_rate, points_at, offset, rng))
    is_seen = np.isfinite(tracks).all(axis=-1).any(axis=(1, 2)) & np.isfinite(points).all(axis=-1).any(axis=1)
    if not anchors:
        return Held([None] * len(tracks), np.zeros(0), 0, int(is_seen.sum()))
    rotations, positions = _between(anchors, len(tracks))
    pixels = _nearest_person(rotations, positions, points, tracks)
    rotations, positions = smooth_cameras(rotations, positions, points, pixels, INTRINSICS)
    return _checked(rotations, positions, points, pixels, int(is_seen.sum()))


def _anchors(tracks, frame_rate, points_at, offset, rng) -> dict[int, Camera]:
    """First guesses, by frame."""
    reach = round(ANCHOR_REACH * frame_rate)
    found = {}
    for frame in range(0, len(tracks), max(round(ANCHOR_STEP * frame_rate), 1)):
        poses = []
        for person in range(tracks.shape[1]):
            points, pixels = clip_about(tracks, frame_rate, frame, person, reach).pairs(points_at, offset)
            pose = find_pose(points, pixels, INTRINSICS, RETRY_RADIUS, rng)
            if (
                pose
                and pose.is_inlier.sum() >= MIN_INLIERS
                and pose.is_inlier.mean() >= MIN_SHARE
                and not implausible(pose.camera, points)
            ):
                poses.append(pose)
        if poses:
            found[frame] = max(poses, key=lambda pose: pose.score).camera
    return found


def _without_jumps(anchors: dict[int, Camera]) -> dict[int, Camera]:
    """Without those that are far from the middle of the ones about them."""
    frames = list(anchors)
    positions = np.array([camera.position for camera in anchors.values()]).reshape(-1, 3)
    kept = {}
    for i, frame in enumerate(frames):
        middle = np.median(positions[max(i - N_ABOUT, 0) : i + N_ABOUT + 1], axis=0)
        if np.linalg.norm(positions[i] - middle) < MAX_JUMP:
            kept[frame] = anchors[frame]
    return kept


def _between(anchors: dict[int, Camera], n_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Rotations [T, 3, 3] and positions [T, 3] of all frames; before and after the anchors, those of the nearest."""
    known = np.array(sorted(anchors))
    frames = np.clip(np.arange(n_frames), known[0], known[-1])
    positions = np.array([anchors[i].position for i in known])
    positions = np.stack([np.interp(frames, known, column) for column in positions.T], axis=1)
    rotations = np.array([anchors[i].rotation for i in known])
    if len(known) == 1:
        return np.repeat(rotations, n_frames, axis=0), positions
    return Slerp(known, Rotation.from_matrix(rotations))(frames).as_matrix(), positions


def _nearest_person(rotations, positions, points, tracks) -> np.ndarray:
    """[T, J, 2] px: of each frame the person who agrees best with the guessed camera."""
    pixels = np.full(tracks.shape[:1] + tracks.shape[2:], np.nan)
    for i, persons in enumerate(tracks):
        camera = Camera(INTRINSICS, rotations[i], positions[i])
        expected = np.nan_to_num(camera.world_to_image(points[i]), nan=np.inf)
        with np.errstate(invalid="ignore"):
            errors = np.nan_to_num(np.linalg.norm(persons - expected, axis=-1), nan=np.inf)
        scores = np.maximum(0, 1 - errors / (4 * RETRY_RADIUS)).sum(axis=-1)
        if len(scores) and scores.max() > 0:
            pixels[i] = persons[np.argmax(scores)]
    return pixels


def _checked(rotations, positions, points, pixels, n_frames) -> Held:
    """Cameras with which enough of the keypoints of a frame and those about it agree."""
    known = np.isfinite(points).all(axis=-1) & np.isfinite(pixels).all(axis=-1)
    cameras = [Camera(INTRINSICS, r, c) for r, c in zip(rotations, positions, strict=True)]
    errors = np.full(known.shape, np.inf)
    for i, camera in enumerate(cameras):
        errors[i, known[i]] = rate(camera, points[i, known[i]], pixels[i, known[i]], RADIUS).error
    kept: list[Camera | None] = []
    for i, camera in enumerate(cameras):
        about = slice(max(i - REACH, 0), i + REACH + 1)
        n_inliers = (errors[about] < RETRY_RADIUS).sum()
        is_good = n_inliers >= max(MIN_INLIERS, MIN_SHARE * known[about].sum()) and known[i].any()
        kept.append(camera if is_good and not implausible(camera, points[i, known[i]]) else None)
    return Held(kept, errors[errors < RETRY_RADIUS], int(known.sum()), n_frames)
