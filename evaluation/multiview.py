"""Is a pose the same from every side? Predictions of one person by several calibrated cameras at the same time.

No truth is needed: the poses of the views are moved to the world and compared with each other, and with what the rays
through their joints in the images say about where these are (triangulation), which knows nothing of predicted depth.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from evaluation.alignment import procrustes_aligned
from posepile.cameras import Camera

MIN_ANGLE_DEG = 2.0
"""Rays that are nearly parallel meet nowhere in particular."""


def view_agreement(poses: np.ndarray, cameras: Sequence[Camera]) -> dict[str, float | int]:
    """How far the views agree; all figures are medians over joints, times (and views or pairs of views).

    Args:
        poses: [V, N, J, 3] mm, each in its camera's frame; NaN where missing.
        cameras: [V].

    Returns:
        views, times; in mm, between pairs of views: between (as they are), between_centred (mean joints on each other),
        between_aligned (rotated and scaled, too); between a view and the triangulation: to_rays, of which
        to_rays_depth along the view's line of sight and to_rays_plane across it, to_rays_centred; in px,
        reprojection: of the triangulated joints, the distance from the view's own.

    Raises ValueError for fewer than two views or shapes that do not fit.
    """
    poses = np.asarray(poses, np.float64)
    if poses.ndim != 4 or poses.shape[-1] != 3 or len(poses) != len(cameras) or len(cameras) < 2:
        raise ValueError(
            f"poses has shape {poses.shape} for {len(cameras)} cameras, expected [V, N, J, 3] with 2 cameras or more"
        )
    world = np.stack([camera.camera_to_world(pose) for camera, pose in zip(cameras, poses, strict=True)])
    pixels = np.stack([camera.camera_to_image(pose) for camera, pose in zip(cameras, poses, strict=True)])
    points = triangulate(pixels, cameras)
    return {
        "views": len(cameras),
        "times": int(np.isfinite(world).all(axis=-1).any(axis=(0, 2)).sum()),
        **_between(world),
        **_to_rays(world, points, cameras),
        "reprojection": _median(
            [
                np.linalg.norm(camera.world_to_image(points) - pixel, axis=-1)
                for camera, pixel in zip(cameras, pixels, strict=True)
            ]
        ),
    }


def triangulate(pixels: np.ndarray, cameras: Sequence[Camera]) -> np.ndarray:
    """[V, ..., 2] px -> [..., 3] mm, world: the point with the least squared distance from the rays.

    Views whose pixel is NaN are left out; NaN with fewer than two, or with rays that are nearly parallel.
    """
    pixels = np.asarray(pixels, np.float64)
    matrix = np.zeros((*pixels.shape[1:-1], 3, 3))
    vector = np.zeros((*pixels.shape[1:-1], 3))
    count = np.zeros(pixels.shape[1:-1])
    origin = np.mean(
        [camera.position for camera in cameras], axis=0
    )  # against cancellation, far from the world's
    for pixel, camera in zip(pixels, cameras, strict=True):
        ray = _unit(camera.image_to_camera(pixel) @ camera.rotation)
        seen = np.isfinite(ray).all(axis=-1)
        across = np.eye(3) - ray[..., :, None] * ray[..., None, :]
        across = np.where(seen[..., None, None], across, 0)
        matrix += across
        vector += across @ (camera.position - origin)
        count += seen
    # The smallest eigenvalue is the sum of squared sines between the rays and their mean direction
    smallest = np.linalg.eigvalsh(matrix)[..., 0]
    good = (count >= 2) & (smallest > 2 * np.sin(np.radians(MIN_ANGLE_DEG / 2)) ** 2)
    solved = np.linalg.solve(np.where(good[..., None, None], matrix, np.eye(3)), vector[..., None])[..., 0]
    return np.where(good[..., None], solved + origin, np.nan)


def _between(world: np.ndarray) -> dict[str, float]:
    plain, centred, aligned = [], [], []
    for a, b in combinations(world, 2):
        usable = np.isfinite(a).all(axis=-1) & np.isfinite(b).all(axis=-1)  # [N, J]
        plain.append(np.linalg.norm(a - b, axis=-1))
        centred.append(np.linalg.norm(_centred(a - b, usable), axis=-1))
        moved, failed = procrustes_aligned(a, b, usable)
        distances = np.linalg.norm(moved - b, axis=-1)
        aligned.append(np.where(usable & ~failed[:, None], distances, np.nan))
    return {
        "between": _median(plain),
        "between_centred": _median(centred),
        "between_aligned": _median(aligned),
    }


def _to_rays(world: np.ndarray, points: np.ndarray, cameras: Sequence[Camera]) -> dict[str, float]:
    plain, depth, plane, centred = [], [], [], []
    for view, camera in zip(world, cameras, strict=True):
        difference = view - points
        along = np.einsum("njc,njc->nj", difference, _unit(points - camera.position))
        plain.append(np.linalg.norm(difference, axis=-1))
        depth.append(np.abs(along))
        plane.append(np.sqrt(np.maximum(np.square(plain[-1]) - np.square(along), 0)))
        centred.append(np.linalg.norm(_centred(difference, np.isfinite(difference).all(axis=-1)), axis=-1))
    return {
        "to_rays": _median(plain),
        "to_rays_depth": _median(depth),
        "to_rays_plane": _median(plane),
        "to_rays_centred": _median(centred),
    }


def _centred(difference: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """[N, J, 3] less its mean over the usable joints of each pose."""
    count = np.maximum(usable.sum(axis=1), 1)[:, None, None]
    return difference - np.where(usable[..., None], difference, 0).sum(axis=1, keepdims=True) / count


def _median(parts: Sequence[np.ndarray]) -> float:
    values = np.concatenate([np.ravel(part) for part in parts])
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else float("nan")


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
