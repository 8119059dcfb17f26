"""The crop: a square view of one person, as a camera would see it that looks straight at the person.

A crop is another camera at the same place, so its image is a warp and its labels are the joints in that
camera's frame. The same functions serve training (with random changes), validation, pseudo-labels and tests
(without). The cameras of a batch are worked out together: camera objects would take most of the time.
Source: training sheet §2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import simplejpeg

from posepile import masks
from posepile.cameras import Camera, warp_image
from posepile.example import PoseExample
from posepile.jpeg import image_size
from training.augment.geometry import ViewChanges

INVENTED_FOV = np.deg2rad(8.0)  # over the larger side of an image whose camera is not known
LOWEST_LABEL = 0.95  # of the image height: annotations of truncated bodies are put on the lower border


class CropError(ValueError):
    """An example that has no crop; names the example, which is its attribute `example`."""

    def __init__(self, example: PoseExample, problem: str):
        super().__init__(f"{example.key}: {problem}")
        self.example = example


@dataclass(frozen=True, eq=False)
class CropCameras:
    """The cameras of a batch of crops, float64; N examples. They have square pixels and no lens distortion.

    Attributes:
        side: px, of the square crops.
        intrinsics: [N, 3, 3] px.
        rotation: [N, 3, 3], world to crop camera; mirrored (determinant -1) where `flip`.
        position: [N, 3] mm, world.
        homography: [N, 3, 3], pixels of the (undistorted) source image to pixels of the crop.
        flip: [N] bool, whether left and right are exchanged.
    """

    side: int
    intrinsics: np.ndarray
    rotation: np.ndarray
    position: np.ndarray
    homography: np.ndarray
    flip: np.ndarray

    def world_to_camera(self, points: np.ndarray) -> np.ndarray:
        """World [N, J, 3] mm to the crop cameras' [N, J, 3] mm; left and right names are not exchanged."""
        return (points - self.position[:, np.newaxis]) @ np.swapaxes(self.rotation, 1, 2)

    def camera_to_world(self, points: np.ndarray) -> np.ndarray:
        """The crop cameras' frames [N, J, 3] mm to the world [N, J, 3] mm."""
        return points @ self.rotation + self.position[:, np.newaxis]


def crop_cameras(
    examples: Sequence[PoseExample], image_sizes: np.ndarray, changes: ViewChanges, side: int
) -> CropCameras:
    """The crop cameras of N examples.

    Args:
        examples: their boxes and cameras; where there is no camera, one with a narrow view is invented.
        image_sizes: [N, 2] (width, height) px.
        changes: random or no changes.
        side: px, of the crops.

    Raises:
        CropError: a box without an area, or one whose centre the lens does not show.
    """
    corner, size = _changed_boxes(examples, changes)
    centre = corner + size / 2
    known = np.array([example.camera is not None for example in examples])
    source = _Sources(examples, image_sizes, known)
    half = np.where((size[:, :1] < size[:, 1:]), [0.0, 0.5], [0.5, 0.0]) * size
    pixels = np.stack([centre, centre - half, centre + half], axis=1)  # [N, 3, 2]
    rays = source.rays(pixels)
    turned = np.where(known[:, np.newaxis, np.newaxis], _looking_at(rays[:, 0], source), np.eye(3))
    sides = np.einsum("nij,npj->npi", turned, rays[:, 1:])  # side points in the turned camera's frame
    sides = sides[..., :2] / sides[..., 2:]
    lengths = np.linalg.norm(sides[:, 0] - sides[:, 1], axis=1)
    focal = changes.zoom * side / np.where(lengths > 0, lengths, np.nan)
    rotation = _mirror(_roll(changes.roll) @ turned, changes.flip)
    intrinsics = np.zeros_like(rotation)
    intrinsics[:, 0, 0] = intrinsics[:, 1, 1] = focal
    intrinsics[:, 2, 2] = 1
    middle = np.einsum("nij,nj->ni", rotation, rays[:, 0])
    middle[known, :2] = 0  # on the axis: exactly, so that a mirror image has the very same intrinsics
    intrinsics[:, :2, 2] = (side - 1) / 2 - focal[:, np.newaxis] * middle[:, :2] / middle[:, 2:]
    bad = ~np.isfinite(focal) | ~np.isfinite(rotation).all(axis=(1, 2))
    if bad.any():
        example = examples[int(bad.argmax())]
        raise CropError(example, f"box {example.box.tolist()} has no area or lies outside the lens model")
    homography = intrinsics @ rotation @ np.swapaxes(source.rotation, 1, 2) @ source.inverse_intrinsics
    return CropCameras(side, intrinsics, rotation, source.position, homography, changes.flip)


def decode_image(example: PoseExample, buffer: np.ndarray | None = None) -> np.ndarray:
    """The whole image of an example, [h, w, 4] uint8 RGBA, as stored (EXIF rotation is not applied); alpha is 255.

    Four channels are decoded and warped in less time than three.

    Args:
        buffer: at least 4 h w bytes that the image may take; new memory for each takes a tenth of the time.

    Raises:
        CropError: if it is no whole JPEG; names the example.
    """
    try:
        return simplejpeg.decode_jpeg(example.image, "RGBA", buffer=buffer)
    except ValueError as error:
        raise CropError(example, f"its image cannot be decoded: {error}") from None


def image_sizes(examples: Sequence[PoseExample]) -> np.ndarray:
    """(width, height) px of the examples' images, [N, 2], from their headers.

    Raises:
        CropError: for an image that is no whole JPEG; names the example.
    """
    sizes = np.empty((len(examples), 2), int)
    for size, example in zip(sizes, examples, strict=True):
        try:
            size[:] = image_size(example.image)
        except ValueError as error:
            raise CropError(example, f"its image cannot be decoded: {error}") from None
    return sizes


def warp_crop(image: np.ndarray, example: PoseExample, cameras: CropCameras, i: int) -> np.ndarray:
    """The i-th crop of the RGBA (or mask) image of the i-th example: [side, side, ...] uint8, RGB if coloured.

    Bilinear, black where the image ends, without smoothing.
    """
    crop = _warp(image, example, cameras, i)
    return cv2.cvtColor(crop, cv2.COLOR_RGBA2RGB) if image.ndim == 3 else crop


def warp_cut_out(
    image: np.ndarray, example: PoseExample, cameras: CropCameras, i: int, *, with_mask: bool
) -> np.ndarray:
    """The i-th crop [side, side, 4] uint8 RGBA of an RGBA image: `warp_crop`, and how much of a pixel is the person.

    The last channel is the example's mask warped as the image is, if `with_mask`, or else 255 within the image. The
    mask is written into `image`.
    """
    if with_mask:
        columns = masks.decode(example.mask).view(np.uint8).T  # masks come column by column
        alpha = cv2.transpose(columns)  # NumPy's own copy takes ten times as long
        alpha *= np.uint8(255)
        cv2.insertChannel(alpha, image, 3)
    return _warp(image, example, cameras, i)


def warp_labels(
    labels: np.ndarray, example: PoseExample, image_height: int, cameras: CropCameras, i: int
) -> np.ndarray:
    """The 2D labels [J, 2] px of the i-th example in its crop, [J, 2] px; NaN stays NaN.

    Labels in the lowest 5 % of the image are dropped (NaN): there truncated bodies end.
    """
    labels = np.asarray(labels, np.float64)
    labels = np.where(labels[:, 1:] > LOWEST_LABEL * image_height, np.nan, labels)
    if example.camera is not None and example.camera.has_distortion:
        ideal = example.camera.image_to_camera(labels)
        labels = ideal[:, :2] @ example.camera.intrinsics[:2, :2].T + example.camera.intrinsics[:2, 2]
    homogeneous = np.concatenate([labels, np.ones_like(labels[:, :1])], axis=1) @ cameras.homography[i].T
    return homogeneous[:, :2] / homogeneous[:, 2:]


def _warp(image: np.ndarray, example: PoseExample, cameras: CropCameras, i: int) -> np.ndarray:
    size = (cameras.side, cameras.side)
    if example.camera is None or not example.camera.has_distortion:
        return cv2.warpPerspective(image, cameras.homography[i], size, flags=cv2.INTER_LINEAR)
    new = Camera(cameras.intrinsics[i], cameras.rotation[i], cameras.position[i])
    return warp_image(image, example.camera, new, size)


class _Sources:
    """The cameras of the source images, stacked: rotation, position, inverse intrinsics, up [N, ...]."""

    def __init__(self, examples: Sequence[PoseExample], image_sizes: np.ndarray, known: np.ndarray):
        n = len(examples)
        self.cameras = [example.camera for example in examples]
        self.has_distortion = np.array(
            [camera is not None and camera.has_distortion for camera in self.cameras]
        )
        self.position = np.zeros((n, 3))
        self.rotation = np.tile(np.eye(3), (n, 1, 1))
        self.up = np.tile([0.0, -1.0, 0.0], (n, 1))
        intrinsics = np.tile(np.eye(3), (n, 1, 1))
        longer = np.maximum(*np.asarray(image_sizes, np.float64).T)
        intrinsics[:, 0, 0] = intrinsics[:, 1, 1] = longer / 2 / np.tan(INVENTED_FOV / 2)
        intrinsics[:, :2, 2] = (np.asarray(image_sizes) - 1) / 2
        with_camera = [camera for camera in self.cameras if camera is not None]
        if with_camera:
            self.position[known] = [camera.position for camera in with_camera]
            self.rotation[known] = [camera.rotation for camera in with_camera]
            self.up[known] = [camera.world_up for camera in with_camera]
            intrinsics[known] = [camera.intrinsics for camera in with_camera]
        self.inverse_intrinsics = np.linalg.inv(intrinsics)

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """What pixels [N, P, 2] show: world directions [N, P, 3]."""
        homogeneous = np.concatenate([pixels, np.ones_like(pixels[..., :1])], axis=-1)
        rays = homogeneous @ np.swapaxes(self.inverse_intrinsics, 1, 2)
        for i in np.flatnonzero(self.has_distortion):
            rays[i] = self.cameras[i].image_to_camera(pixels[i])
        return rays @ self.rotation


def _changed_boxes(examples: Sequence[PoseExample], changes: ViewChanges) -> tuple[np.ndarray, np.ndarray]:
    """Corners [N, 2] and sizes [N, 2] of the boxes after the choice of a part and the shift."""
    boxes = np.array([example.box for example in examples], np.float64)
    corner, size = boxes[:, :2], boxes[:, 2:]
    partial = changes.part[:, 2:] < 1
    longer = size.max(axis=1, keepdims=True)
    square = corner + (size - longer) / 2
    corner = np.where(partial, square + changes.part[:, :2] * longer, corner)
    size = np.where(partial, changes.part[:, 2:] * longer, size)
    return corner + changes.shift * size.max(axis=1, keepdims=True), size


def _looking_at(direction: np.ndarray, source: _Sources) -> np.ndarray:
    """Rotations [N, 3, 3] of cameras along `direction` [N, 3] with zero roll against the world's up."""
    forward = _unit(direction)
    right = np.cross(forward, _unit(source.up))
    vertical = np.linalg.norm(right, axis=1) < 1e-6
    if vertical.any():  # no roll is better than another: keep the source camera's
        old = source.rotation[vertical, 0]
        along = (old * forward[vertical]).sum(axis=1, keepdims=True) * forward[vertical]
        right[vertical] = old - along
    right = _unit(right)
    down = np.cross(forward, right)
    right[np.linalg.det(source.rotation) < 0] *= -1  # a mirrored camera stays mirrored
    return np.stack([right, down, forward], axis=1)


def _roll(angle: np.ndarray) -> np.ndarray:
    matrices = np.tile(np.eye(3), (len(angle), 1, 1))
    matrices[:, 0, 0] = matrices[:, 1, 1] = np.cos(angle)
    matrices[:, 0, 1] = np.sin(angle)
    matrices[:, 1, 0] = -matrices[:, 0, 1]
    return matrices


def _mirror(rotation: np.ndarray, flip: np.ndarray) -> np.ndarray:
    signs = np.ones((len(flip), 3, 1))
    signs[flip, 0] = -1
    return rotation * signs


def _unit(vectors: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # a bad box gives NaN, which crop_cameras reports
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
