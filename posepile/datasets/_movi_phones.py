"""Where the phones of BML-MoVi stood, and when their videos began: nobody has measured it.

A detector's keypoints in the video are compared with the joint centres of the markers. First all time offsets are
scanned, then the best ones are refined with real cameras: one for a phone that stands, one a frame for one that is
held. Source: data sheet of BML-MoVi, section 4, with keypoints in place of 3D predictions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from posepile.cameras import Camera
from posepile.datasets import _bml_movi, _movi_held, _movi_scan
from posepile.datasets._movi_scan import Candidate
from posepile.datasets._movi_tracks import JOINTS, Clip, PointsAt, tracks_of
from posepile.datasets._ransac_pnp import Pose, find_pose, refit
from posepile.skeletons import load_data_set

INTRINSICS = np.array(_bml_movi.PHONE_INTRINSICS, float)
RADIUS, RETRY_RADIUS = 15.0, 30.0  # px
MIN_SHARE = 0.4  # of the keypoints, within the radius
MIN_LEAD = 1.1  # the best offset's score over that of the next one
REACH, STEP = 0.25, 1 / 20  # s, of the search about an offset of the scan
PRECISION = 1 / 480  # s
N_STILL = 125  # frames from which a phone that stands is placed
N_HELD = 30  # frames, and those about each, from which the offset of a phone that is held is found
MIN_SECONDS = 3.0  # in which somebody is seen while the markers are known
MIN_CAMERAS = 0.3  # of the frames that show somebody while the markers are known


class CalibrationError(ValueError):
    """A video from which no camera can be told; says why."""


@dataclass(frozen=True)
class Calibration:
    """What a video has told.

    Attributes:
        offset: the video's time, in s, at the first row of the markers.
        cameras: one for a phone that stands; else by frame, None where it is not known.
        inliers: share of the keypoints that agree with the cameras.
        error: px, the median over those.
    """

    offset: float
    cameras: Camera | dict[int, Camera | None]
    inliers: float
    error: float


def calibrate(people: Sequence[np.ndarray], rate: float, points: np.ndarray, is_held: bool) -> Calibration:
    """The time offset and the camera of a phone's video.

    Args:
        people: of each frame, COCO's 17 keypoints [n, 17, 3] of everybody: x, y in px, score.
        rate: frames a second.
        points: [N, 87, 3] mm, the markers at 120 Hz.
        is_held: whether the phone moves.

    Raises:
        CalibrationError: the keypoints and the markers do not agree, or at several offsets.
    """
    names = load_data_set("bml_movi").joints
    centres = points[:, [names.index(name) for name in JOINTS]]
    is_used = np.isfinite(centres).all(axis=-1).any(axis=0)  # rounds S1 and S2 have wrists and ankles only
    centres, tracks = centres[:, is_used], tracks_of(people)[:, :, is_used]

    def points_at(times: np.ndarray) -> np.ndarray:
        return _bml_movi.at_places(centres, times * _bml_movi.MOCAP_RATE)

    rng = np.random.default_rng(0)
    candidates = _movi_scan.scan(tracks, rate, points_at) if len(centres) > 1 else []
    if not candidates:
        raise CalibrationError("nobody is seen while the markers are known")
    clips = [_clips(tracks, rate, candidate, is_held) for candidate in candidates]
    refined = [_refined(c.offset, own, points_at, rng) for c, own in zip(candidates, clips, strict=True)]
    best = int(np.argmax([score for _, score in refined]))
    _check_lead(refined, best)
    if (seconds := (candidates[best].person >= 0).sum() / rate) < MIN_SECONDS:
        raise CalibrationError(
            f"somebody is seen for {seconds:.1f} s while the markers are known, expected {MIN_SECONDS:g} s"
        )
    offset, poses = _polished(refined[best][0], clips[best], points_at, rng)
    return (
        _held(tracks, rate, points_at, offset, rng)
        if is_held
        else _still(clips[best][0], points_at, offset, poses[0])
    )


def _clips(tracks: np.ndarray, frame_rate: float, candidate: Candidate, is_held: bool) -> list[Clip]:
    """Frames from all over the video, those of one camera together."""
    frames = np.flatnonzero(candidate.person >= 0)
    n = min(len(frames), N_HELD if is_held else N_STILL)
    chosen = frames[np.unique(np.linspace(0, len(frames) - 1, n).round().astype(int))]
    if is_held:
        return [_movi_held.clip_about(tracks, frame_rate, i, candidate.person[i]) for i in chosen]
    return [Clip(chosen / frame_rate, tracks[chosen, candidate.person[chosen]])]


def _refined(
    offset: float, clips: list[Clip], points_at: PointsAt, rng: np.random.Generator
) -> tuple[float, float]:
    """The best offset about one of the scan, to a frame or so, and its score."""
    poses = [find_pose(*clip.pairs(points_at, offset), INTRINSICS, RETRY_RADIUS, rng) for clip in clips]
    offsets = offset + np.arange(-REACH, REACH + STEP / 2, STEP)
    scores = [_score(clips, poses, points_at, offset, RETRY_RADIUS) for offset in offsets]
    best = int(np.argmax(scores))
    return float(offsets[best]), scores[best]


def _polished(
    offset: float, clips: list[Clip], points_at: PointsAt, rng: np.random.Generator
) -> tuple[float, list[Pose]]:
    """The offset exactly, and the poses of the clips that have one, by points within 15 px where enough are, else 30.

    Raises CalibrationError.
    """
    share = 0.0
    for radius in (RADIUS, RETRY_RADIUS):
        poses = [find_pose(*clip.pairs(points_at, offset), INTRINSICS, radius, rng) for clip in clips]
        search = minimize_scalar(
            lambda offset, poses=poses, radius=radius: -_score(clips, poses, points_at, offset, radius),
            bounds=(offset - STEP, offset + STEP),
            method="bounded",
            options={"xatol": PRECISION},
        )
        fitted = [
            refit(pose.camera, *clip.pairs(points_at, float(search.x)), radius)
            for pose, clip in zip(poses, clips, strict=True)
            if pose
        ]
        n_known = sum(len(pose.error) for pose in fitted)
        share = sum(int(pose.is_inlier.sum()) for pose in fitted) / max(n_known, 1)
        if share >= MIN_SHARE:
            return float(search.x), fitted
    raise CalibrationError(
        f"{share:.0%} of the keypoints are within {RETRY_RADIUS:g} px of the markers at the best offset, "
        f"{offset:.1f} s, expected {MIN_SHARE:.0%}"
    )


def _score(
    clips: list[Clip], poses: list[Pose | None], points_at: PointsAt, offset: float, radius: float
) -> float:
    """Mean over all keypoints that are seen; those at unknown times count 0."""
    total = 0.0
    for clip, pose in zip(clips, poses, strict=True):
        if pose is not None:
            points, pixels = clip.pairs(points_at, offset)
            total += refit(pose.camera, points, pixels, radius).score * len(points)
    return total / max(sum(clip.n_seen for clip in clips), 1)


def _check_lead(refined: list[tuple[float, float]], best: int) -> None:
    offset, score = refined[best]
    for other, other_score in refined:
        if abs(other - offset) >= _movi_scan.MIN_DISTANCE and score < MIN_LEAD * other_score:
            raise CalibrationError(
                f"offsets {offset:.1f} s and {other:.1f} s fit almost alike (scores {score:.2f} and {other_score:.2f})"
            )


def _still(clip: Clip, points_at: PointsAt, offset: float, pose: Pose) -> Calibration:
    points, _ = clip.pairs(points_at, offset)
    if reason := _movi_held.implausible(pose.camera, points):
        raise CalibrationError(reason)
    roll, limit = np.rad2deg((_bml_movi.roll(pose.camera), _bml_movi.MAX_ROLL))
    if roll > limit:
        raise CalibrationError(f"the camera is rolled by {roll:.0f} degrees, expected at most {limit:.0f}")
    errors = pose.error[pose.is_inlier]
    return Calibration(offset, pose.camera, len(errors) / len(points), float(np.median(errors)))


def _held(
    tracks: np.ndarray, rate: float, points_at: PointsAt, offset: float, rng: np.random.Generator
) -> Calibration:
    held = _movi_held.find_cameras(tracks, rate, points_at, offset, rng)
    n_cameras = sum(camera is not None for camera in held.cameras)
    if n_cameras < MIN_CAMERAS * max(held.n_frames, 1):
        raise CalibrationError(
            f"{n_cameras} of {held.n_frames} frames have a camera that fits, expected {MIN_CAMERAS:.0%}"
        )
    share = len(held.errors) / held.n_known
    return Calibration(offset, dict(enumerate(held.cameras)), share, float(np.median(held.errors)))
