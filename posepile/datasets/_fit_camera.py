"""A camera of unknown focal lengths from one view of known points, for data sets that come without cameras."""

from typing import NamedTuple

import cv2
import numpy as np
from scipy.optimize import minimize_scalar

from posepile.cameras import Camera

MIN_POINTS = 6
FIELD_OF_VIEW = (30.0, 100.0)  # degrees, horizontal: where the search starts from
_FLAGS = (
    cv2.CALIB_USE_INTRINSIC_GUESS
    | cv2.CALIB_FIX_PRINCIPAL_POINT
    | cv2.CALIB_ZERO_TANGENT_DIST
    | cv2.CALIB_FIX_K1
    | cv2.CALIB_FIX_K2
    | cv2.CALIB_FIX_K3
)


class FittedCamera(NamedTuple):
    """The camera, and the root of its mean squared reprojection error in px."""

    camera: Camera
    error: float


def fit_camera(points: np.ndarray, pixels: np.ndarray, size: tuple[int, int]) -> FittedCamera | None:
    """The camera that sees `points` at `pixels` best; both focal lengths are free, the principal point is not.

    The result depends on the focal length that one begins with, so that is searched for.

    Args:
        points: [n, 3] mm, world, z up; they may be far from the origin.
        pixels: [n, 2].
        size: (width, height) of the image, px, in whose middle the principal point is.

    Returns:
        None for fewer than 6 points, or such as determine no camera.
    """
    if len(points) < MIN_POINTS:
        return None
    mean = points.mean(axis=0)
    views = [(points - mean).astype(np.float32)], [pixels.astype(np.float32)]
    found: list[FittedCamera] = []

    def error_from(field_of_view: float) -> float:
        focal = size[0] / 2 / np.tan(np.deg2rad(field_of_view) / 2)
        guess = np.array([[focal, 0, size[0] / 2], [0, focal, size[1] / 2], [0, 0, 1]])
        try:
            error, intrinsics, _, (turn,), (shift,) = cv2.calibrateCamera(
                *views, size, guess, np.zeros(5), flags=_FLAGS
            )
        except cv2.error:
            return 1e9  # the search goes elsewhere
        rotation = cv2.Rodrigues(turn)[0]
        camera = Camera(intrinsics, rotation, mean - rotation.T @ np.ravel(shift))
        if not (np.isfinite(error) and np.isfinite(camera.position).all() and np.isfinite(intrinsics).all()):
            return 1e9
        found.append(FittedCamera(camera, float(error)))
        return float(error)

    minimize_scalar(error_from, bounds=FIELD_OF_VIEW, method="bounded")
    return min(found, key=lambda fitted: fitted.error, default=None)
