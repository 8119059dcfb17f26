"""Pinhole cameras with OpenCV's lens distortion: project, back-project, turn towards a point, warp images.

A camera is a value: every method returns a new one. Points are `[..., 3]` in mm, pixels `[..., 2]` with pixel
centres at integers; the camera frame is x right, y down, z forward: X_cam = R (X_world - position).
Everything is computed in float64, because world coordinates of some data sets are kilometres from the origin.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import cv2
import numpy as np

from posepile import lens

N_DISTORTION = 12


@dataclass(frozen=True, eq=False)
class Camera:
    """A calibrated camera. Raises ValueError for arrays of the wrong shape.

    Attributes:
        intrinsics: [3, 3] px, last row (0, 0, 1); maps the normalised image plane to pixels.
        rotation: [3, 3], world to camera. Determinant -1 for a mirrored camera.
        position: [3] mm, the optical centre in the world.
        distortion: [12], OpenCV's order k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4; a shorter one is
        padded.
        world_up: [3], the direction that is up in the world, for `turned_to`.
    """

    intrinsics: np.ndarray
    rotation: np.ndarray = field(default_factory=lambda: np.eye(3))
    position: np.ndarray = field(default_factory=lambda: np.zeros(3))
    distortion: np.ndarray = field(default_factory=lambda: np.zeros(N_DISTORTION))
    world_up: np.ndarray = field(default_factory=lambda: np.array([0.0, 0.0, 1.0]))

    def __post_init__(self):
        _set_array(self, "intrinsics", (3, 3))
        _set_array(self, "rotation", (3, 3))
        _set_array(self, "position", (3,))
        _set_array(self, "world_up", (3,))
        distortion = np.asarray(self.distortion, np.float64).ravel()
        if distortion.size < N_DISTORTION:
            distortion = np.concatenate([distortion, np.zeros(N_DISTORTION - distortion.size)])
        object.__setattr__(self, "distortion", distortion)
        _set_array(self, "distortion", (N_DISTORTION,))
        if tuple(self.intrinsics[2]) != (0.0, 0.0, 1.0):
            raise ValueError(f"Camera.intrinsics has last row {self.intrinsics[2]}, expected (0, 0, 1)")

    @classmethod
    def from_matrices(cls, intrinsics, extrinsics, distortion=(), world_up=(0.0, 0.0, 1.0)) -> "Camera":
        """Makes a camera from `extrinsics` [3 or 4, 4] = [R | t] in mm, X_cam = R X_world + t."""
        extrinsics = np.asarray(extrinsics, np.float64)
        rotation, translation = extrinsics[:3, :3], extrinsics[:3, 3]
        # solve and not the transpose: published rotations are rounded, and t must be reproduced
        position = -np.linalg.solve(rotation, translation)
        return cls(intrinsics, rotation, position, np.asarray(distortion), world_up)

    @cached_property
    def has_distortion(self) -> bool:
        return bool(self.distortion.any())

    # Points

    def world_to_camera(self, points) -> np.ndarray:
        """World [..., 3] mm to camera frame [..., 3] mm."""
        return (np.asarray(points, np.float64) - self.position) @ self.rotation.T

    def camera_to_world(self, points) -> np.ndarray:
        """Camera frame [..., 3] mm to world [..., 3] mm."""
        return np.asarray(points, np.float64) @ self.rotation + self.position

    def camera_to_image(self, points) -> np.ndarray:
        """Camera frame [..., 3] mm to pixels [..., 2].

        NaN where z <= 0, and where the lens model folds back: beyond that radius a calibration polynomial
        sends points outside the field of view into the middle of the image (OpenCV returns those wrong
        pixels).
        """
        points = np.asarray(points, np.float64)
        depth = np.where(points[..., 2:] > 0, points[..., 2:], np.nan)
        normalised = points[..., :2] / depth
        if self.has_distortion:
            normalised = lens.distort(normalised, self.distortion, self._max_radius2)
        return normalised @ self.intrinsics[:2, :2].T + self.intrinsics[:2, 2]

    def world_to_image(self, points) -> np.ndarray:
        """World [..., 3] mm to pixels [..., 2]; NaN as in `camera_to_image`."""
        return self.camera_to_image(self.world_to_camera(points))

    def image_to_camera(self, pixels, depth=1.0) -> np.ndarray:
        """Pixels [..., 2] to the camera-frame points [..., 3] that they show at `depth` (a number or [...]).

        The lens distortion is undone iteratively; NaN where no point inside the lens model gives the pixel.
        """
        centred = np.asarray(pixels, np.float64) - self.intrinsics[:2, 2]
        normalised = centred @ np.linalg.inv(self.intrinsics[:2, :2]).T
        if self.has_distortion:
            normalised = lens.undistort(normalised, self.distortion, self._max_radius2)
        ones = np.where(np.isfinite(normalised[..., :1]), 1.0, np.nan)
        homogeneous = np.concatenate([normalised, ones], axis=-1)
        return homogeneous * np.asarray(depth, np.float64)[..., np.newaxis]

    def image_to_world(self, pixels, depth=1.0) -> np.ndarray:
        """Pixels [..., 2] to world points [..., 3] mm at `depth` mm (a number or [...]) along the axis."""
        return self.camera_to_world(self.image_to_camera(pixels, depth))

    # Other cameras at the same place

    def turned_to(self, pixel) -> "Camera":
        """The camera turned so that its axis goes through `pixel` [2], with zero roll against `world_up`.

        Intrinsics are kept and the distortion is dropped. A mirrored camera stays mirrored. Where the new
        axis is parallel to world_up, the roll is that of the present camera. Raises ValueError for a pixel
        that shows nothing (outside the lens model).
        """
        forward = self.rotation.T @ self.image_to_camera(pixel)
        if not np.isfinite(forward).all():
            raise ValueError(
                f"pixel {np.asarray(pixel).tolist()} is outside the lens model, cannot turn towards it"
            )
        forward = _unit(forward)
        right = np.cross(forward, _unit(self.world_up))
        if np.linalg.norm(right) < 1e-6:
            handedness = np.sign(np.linalg.det(self.rotation))
            right = handedness * (self.rotation[0] - forward * (forward @ self.rotation[0]))
        right = _unit(right)
        down = np.cross(forward, right)
        if np.linalg.det(self.rotation) < 0:
            right = -right
        return replace(self, rotation=np.stack([right, down, forward]), distortion=np.zeros(N_DISTORTION))

    def rolled(self, angle: float) -> "Camera":
        """The camera turned about its axis by `angle` radians, its x axis towards its old y axis.

        What it shows turns the other way (counter-clockwise on the screen for a positive angle). The
        distortion of a lens turns with it and has no place in the turned image: raises ValueError if there is
        any.
        """
        self._refuse_distortion("rolled")
        cos, sin = np.cos(angle), np.sin(angle)
        return replace(self, rotation=np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]]) @ self.rotation)

    def mirrored(self) -> "Camera":
        """The camera whose image is this one's flipped left to right about the principal point."""
        intrinsics = self.intrinsics * [[1, -1, 1], [1, 1, 1], [1, 1, 1]]
        signs = np.ones(N_DISTORTION)
        signs[[3, 8, 9]] = -1  # p2, s1, s2: the terms of x that are even in x
        rotation = self.rotation * np.array([[-1.0], [1.0], [1.0]])
        return replace(self, intrinsics=intrinsics, rotation=rotation, distortion=self.distortion * signs)

    def zoomed(self, factor: float) -> "Camera":
        """The focal length times `factor`; the principal point stays where it is."""
        intrinsics = self.intrinsics.copy()
        intrinsics[:2, :2] *= factor
        return replace(self, intrinsics=intrinsics)

    def scaled(self, factor: float) -> "Camera":
        """The camera of the whole image resized by `factor`; corners stay corners, so centres move."""
        intrinsics = self.intrinsics.copy()
        intrinsics[:2, :2] *= factor
        intrinsics[:2, 2] = (intrinsics[:2, 2] + 0.5) * factor - 0.5
        return replace(self, intrinsics=intrinsics)

    def with_principal_point(self, point) -> "Camera":
        """The image shifted so that the principal point lies at `point` [2] px."""
        intrinsics = self.intrinsics.copy()
        intrinsics[:2, 2] = point
        return replace(self, intrinsics=intrinsics)

    def shifted(self, offset) -> "Camera":
        """The image content moved by `offset` [2] px: what was at p is at p + offset."""
        return self.with_principal_point(self.intrinsics[:2, 2] + np.asarray(offset, np.float64))

    def with_square_pixels(self) -> "Camera":
        """No skew, and both focal lengths equal to their mean."""
        focal = (self.intrinsics[0, 0] + self.intrinsics[1, 1]) / 2
        intrinsics = np.diag([focal, focal, 1.0])
        intrinsics[:2, 2] = self.intrinsics[:2, 2]
        return replace(self, intrinsics=intrinsics)

    def without_distortion(self) -> "Camera":
        """The ideal camera with the same intrinsics and pose."""
        return replace(self, distortion=np.zeros(N_DISTORTION))

    @cached_property
    def _max_radius2(self) -> float:
        return lens.max_radius2(self.distortion)

    def _refuse_distortion(self, verb: str) -> None:
        if self.has_distortion:
            raise ValueError(
                f"a camera with lens distortion cannot be {verb}; use without_distortion() first"
            )


def warp_image(
    image: np.ndarray,
    old: Camera,
    new: Camera,
    size: Sequence[int],
    *,
    interpolation: int = cv2.INTER_LINEAR,
    border: float = 0,
) -> np.ndarray:
    """What `new` sees, drawn from `image`, which `old` took from the same place.

    Args:
        image: [h, w] or [h, w, c], any type that OpenCV warps.
        size: (width, height) of the result.
        interpolation: OpenCV's constant.
        border: value of pixels that `image` does not show.

    Returns:
        [height, width] or [height, width, c], the image's type. Points agree: what is at
        `old.world_to_image(p)` in `image` is at `new.world_to_image(p)` here.

    Raises:
        ValueError: if the cameras stand at different places; no warp gives the view then.
    """
    if not np.allclose(old.position, new.position, rtol=0, atol=1e-3):  # mm
        raise ValueError(
            f"warp_image: cameras at {old.position} and {new.position} mm, expected the same place"
        )
    size = (int(size[0]), int(size[1]))
    border_value = (border,) * 4
    rotation = old.rotation @ new.rotation.T
    # Quasi-convex functions have their maximum at a corner, so four rays tell about all pixels
    simple = not new.has_distortion and _corners_are_inside(old, new, rotation, size)
    if simple and not old.has_distortion:
        new_to_old = old.intrinsics @ rotation @ np.linalg.inv(new.intrinsics)
        flags = interpolation | cv2.WARP_INVERSE_MAP
        return cv2.warpPerspective(image, new_to_old, size, flags=flags, borderValue=border_value)
    if simple and old.intrinsics[0, 1] == 0:  # OpenCV's map ignores the old camera's skew
        maps = cv2.initUndistortRectifyMap(
            old.intrinsics, old.distortion, rotation.T, new.intrinsics, size, cv2.CV_32FC1
        )
    else:
        maps = _pixel_maps(old, new, rotation, size)
    return cv2.remap(image, *maps, interpolation, borderMode=cv2.BORDER_CONSTANT, borderValue=border_value)


def _corners_are_inside(old: Camera, new: Camera, rotation: np.ndarray, size: tuple[int, int]) -> bool:
    width, height = size[0] - 1, size[1] - 1
    rays = new.image_to_camera([(0, 0), (width, 0), (0, height), (width, height)]) @ rotation.T
    in_front = rays[:, 2] > 1e-6
    if not in_front.all():
        return False
    return bool((np.square(rays[:, :2] / rays[:, 2:]).sum(-1) < old._max_radius2).all())


def _pixel_maps(old: Camera, new: Camera, rotation: np.ndarray, size: tuple[int, int]):
    pixels = np.stack(np.meshgrid(np.arange(size[0]), np.arange(size[1])), axis=-1)
    in_old = old.camera_to_image(new.image_to_camera(pixels) @ rotation.T)
    in_old = np.nan_to_num(in_old, nan=-1e4).clip(-1e4, 1e6).astype(np.float32)  # far outside: border
    return np.ascontiguousarray(in_old[..., 0]), np.ascontiguousarray(in_old[..., 1])


def _set_array(camera: Camera, name: str, shape: tuple[int, ...]) -> None:
    array = np.asarray(getattr(camera, name), np.float64)
    if array.shape != shape:
        raise ValueError(f"Camera.{name} has shape {list(array.shape)}, expected {list(shape)}")
    object.__setattr__(camera, name, array)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
