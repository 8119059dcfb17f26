"""Where a camera of known intrinsics stands, from points in the world and noisy pixels of them, many of them wrong."""

from typing import NamedTuple

import cv2
import numpy as np

from posepile.cameras import Camera

N_TRIES, N_CHOSEN = 100, 6


class Pose(NamedTuple):
    """A camera, the pixels that agree with it, and how well.

    Attributes:
        camera: without distortion.
        error: [n] px, of each point; infinite behind the camera.
        is_inlier: [n] bool, whether the error is below the radius.
        score: mean of max(0, 1 - error / radius) over all n points.
    """

    camera: Camera
    error: np.ndarray
    is_inlier: np.ndarray
    score: float


def find_pose(
    points: np.ndarray, pixels: np.ndarray, intrinsics: np.ndarray, radius: float, rng: np.random.Generator
) -> Pose | None:
    """The best of 100 cameras through 6 random points each, fitted again to all points that agree with it.

    Args:
        points: [n, 3] mm, world.
        pixels: [n, 2].
        intrinsics: [3, 3].
        radius: px; points that are farther off do not count.

    Returns:
        None for fewer than 6 points, or where no 6 of them give a camera.

    Source: data sheet of BML-MoVi, section 4.
    """
    if len(points) < N_CHOSEN:
        return None
    found = []
    for _ in range(N_TRIES):
        chosen = rng.choice(len(points), N_CHOSEN, replace=False)
        try:
            is_found, turn, shift = cv2.solvePnP(
                points[chosen], pixels[chosen], intrinsics, None, flags=cv2.SOLVEPNP_SQPNP
            )
        except cv2.error:  # six points that are hardly different ones
            continue
        if is_found and np.isfinite(turn).all() and np.isfinite(shift).all():
            found.append((cv2.Rodrigues(turn)[0], shift[:, 0]))
    if not found:
        return None
    rotations, shifts = (np.stack(parts) for parts in zip(*found, strict=True))
    in_camera = np.einsum("kij,nj->kni", rotations, points) + shifts[:, np.newaxis]
    scores = np.maximum(0, 1 - _errors(in_camera, pixels, intrinsics) / radius).mean(axis=1)
    best = int(np.argmax(scores))
    position = -rotations[best].T @ shifts[best]
    return refit(Camera(intrinsics, rotations[best], position), points, pixels, radius)


def refit(camera: Camera, points: np.ndarray, pixels: np.ndarray, radius: float, n_rounds: int = 2) -> Pose:
    """The camera after fits to those points that agree with it at the time; itself where fewer than 6 do."""
    pose = rate(camera, points, pixels, radius)
    for _ in range(n_rounds):
        if pose.is_inlier.sum() < N_CHOSEN:
            break
        rotation, position = pose.camera.rotation, pose.camera.position
        turn, shift = cv2.solvePnPRefineLM(
            points[pose.is_inlier], pixels[pose.is_inlier], camera.intrinsics, None,
            cv2.Rodrigues(rotation)[0], (-rotation @ position)[:, np.newaxis],
        )  # fmt: skip
        rotation = cv2.Rodrigues(turn)[0]
        fitted = rate(Camera(camera.intrinsics, rotation, -rotation.T @ shift[:, 0]), points, pixels, radius)
        if not fitted.score > pose.score:
            break
        pose = fitted
    return pose


def rate(camera: Camera, points: np.ndarray, pixels: np.ndarray, radius: float) -> Pose:
    """How well a camera agrees with points [n, 3] at pixels [n, 2]."""
    error = _errors(camera.world_to_camera(points), pixels, camera.intrinsics)
    score = float(np.maximum(0, 1 - error / radius).mean()) if len(error) else 0.0
    return Pose(camera, error, error < radius, score)


def _errors(in_camera: np.ndarray, pixels: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """[..., n] px: distance of projected points [..., n, 3] from pixels [n, 2]."""
    depth = in_camera[..., 2:]
    projected = in_camera[..., :2] / np.maximum(depth, 1e-9) @ intrinsics[:2, :2].T + intrinsics[:2, 2]
    distance = np.linalg.norm(projected - pixels, axis=-1)
    return np.where(depth[..., 0] > 0, distance, np.inf)
