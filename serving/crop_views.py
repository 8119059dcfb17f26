"""Cameras of the crops: one for each person's box and each test-time augmentation, at the image's camera.

As in training/crop.py, a crop's camera looks straight at the middle of the box, with zero roll against the
world's up, square pixels and its principal point at the crop's centre (S - 1) / 2 (pixel centres are at integers);
the longer side of the box fills the crop. Computed in float64: a few numbers a box, and angles stay exact.
Source: serving sheet, sections 3.1 and 3.3 to 3.6; training sheet, section 2.
"""

import math
from typing import NamedTuple

import tensorflow as tf

from serving import lens
from serving.augmentation import Schedule
from serving.parameters import MOST_COEFFICIENTS

MIN_DEPTH_MM = 1.0  # nearer points, and those behind the camera, are projected as if they were here
SMALLEST_SIDE_PX = 1.0  # of a box
NEARLY_VERTICAL = 1e-6


class ImageCameras(NamedTuple):
    """Cameras of images, or of the image of each box; float64.

    intrinsics [N, 3, 3] px; distortion [N, 12]; largest_radius [N] on the normalised plane, which the lens shows;
    up [N, 3] in the camera's frame; extrinsics [N, 4, 4], world to camera, mm.
    """

    intrinsics: tf.Tensor
    distortion: tf.Tensor
    largest_radius: tf.Tensor
    up: tf.Tensor
    extrinsics: tf.Tensor

    def of(self, indices: tf.Tensor) -> "ImageCameras":
        """The cameras at the indices [B]."""
        return ImageCameras(*(tf.gather(field, indices) for field in self))


class CropViews(NamedTuple):
    """A crops of each of B boxes: intrinsics [B, A, 3, 3] px and rotation [B, A, 3, 3] float64, from the image
    camera's frame to the crop's, determinant -1 where mirrored; zoom [B, A], pixels of the crop per pixel of the
    image; valid [B] bool, whether the box can be looked at (the others get a view of the image's middle).
    """

    intrinsics: tf.Tensor
    rotation: tf.Tensor
    zoom: tf.Tensor
    valid: tf.Tensor


def image_cameras(size: tf.Tensor, arguments: dict[str, tf.Tensor]) -> ImageCameras:
    """The cameras of N images of `size` (N, H, W, 3) from the arguments of the model."""
    count = size[0]
    given = tf.cast(_one_each(arguments["intrinsic_matrix"], count), tf.float64)
    unknown = tf.reduce_all(given == -1, axis=(1, 2))[:, tf.newaxis, tf.newaxis]
    intrinsics = tf.where(unknown, _usual_intrinsics(size, arguments["default_fov_degrees"]), given)
    coefficients = arguments["distortion_coeffs"]
    missing = MOST_COEFFICIENTS - tf.shape(coefficients)[1]
    coefficients = tf.ensure_shape(tf.pad(coefficients, [[0, 0], [0, missing]]), [None, MOST_COEFFICIENTS])
    distortion = tf.cast(_one_each(coefficients, count), tf.float64)
    extrinsics = tf.cast(_one_each(arguments["extrinsic_matrix"], count), tf.float64)
    up = tf.linalg.matvec(extrinsics[:, :3, :3], tf.cast(arguments["world_up_vector"], tf.float64))
    return ImageCameras(
        intrinsics,
        distortion,
        lens.largest_radius(distortion),
        tf.linalg.normalize(up, axis=1)[0],
        extrinsics,
    )


def crop_views(
    boxes: tf.Tensor, cameras: ImageCameras, size: tf.Tensor, side: int, changes: Schedule
) -> CropViews:
    """The views of B boxes.

    Args:
        boxes: [B, 4] px.
        cameras: of the image of each box.
        size: (N, H, W, 3) of the images.
        side: px, of the crops.
        changes: of the A crops of a box.
    """
    whole = tf.concat([[0, 0], size[2:0:-1]], axis=0)
    usable = boxes_are_usable(boxes)
    boxes = tf.cast(tf.where(usable[:, tf.newaxis], boxes, tf.cast(whole, tf.float32)), tf.float64)
    rays, shown = image_to_rays(_points_of_interest(boxes), cameras)  # [B, 5, 3]
    upright = _looking_at(rays[:, 0], cameras.up)
    ends = tf.linalg.matmul(rays[:, 1:], upright, transpose_b=True)
    ends = ends[..., :2] / tf.maximum(ends[..., 2:], 1e-3)  # a box may span more than a camera sees
    lengths = tf.norm(ends[:, 0::2] - ends[:, 1::2], axis=-1)  # [B, 2]: across and down
    length = tf.maximum(tf.where(boxes[:, 2] >= boxes[:, 3], lengths[:, 0], lengths[:, 1]), 1e-9)
    focal = tf.cast(changes.scale, tf.float64) * side / length[:, tf.newaxis]  # [B, A]
    rotation = tf.linalg.matmul(_turned(changes), upright[:, tf.newaxis])
    focal_of_image = tf.sqrt(cameras.intrinsics[:, 0, 0] * cameras.intrinsics[:, 1, 1])
    return CropViews(
        _intrinsics(focal, (side - 1) / 2),
        rotation,
        focal / focal_of_image[:, tf.newaxis],
        usable & tf.reduce_all(shown, axis=1),
    )


def boxes_are_usable(boxes: tf.Tensor) -> tf.Tensor:
    """[B] bool: finite, and no side shorter than a pixel."""
    finite = tf.reduce_all(tf.math.is_finite(boxes), axis=1)
    return finite & tf.reduce_all(boxes[:, 2:4] >= SMALLEST_SIDE_PX, axis=1)


def image_to_rays(pixels: tf.Tensor, cameras: ImageCameras) -> tuple[tf.Tensor, tf.Tensor]:
    """Directions [B, P, 3], z = 1, of what pixels [B, P, 2] show, and [B, P] bool: whether the lens shows anything."""
    k = cameras.intrinsics[:, tf.newaxis]
    y = (pixels[..., 1] - k[..., 1, 2]) / k[..., 1, 1]
    x = (pixels[..., 0] - k[..., 0, 2] - k[..., 0, 1] * y) / k[..., 0, 0]
    seen = tf.stack([x, y], axis=-1)
    ideal, shown = tf.cond(
        tf.reduce_any(cameras.distortion != 0),
        lambda: lens.undistort(seen, cameras.distortion, cameras.largest_radius),
        lambda: (seen, tf.ones(tf.shape(seen)[:-1], tf.bool)),
    )
    return tf.concat([ideal, tf.ones_like(ideal[..., :1])], axis=-1), shown


def project(points: tf.Tensor, cameras: ImageCameras) -> tf.Tensor:
    """Pixels [B, P, 2] float32 of points [B, P, 3] mm in the frames of B cameras, lens distortion included.

    Points nearer than 1 mm count as 1 mm away; those that the lens does not show are at the edge of what it does.
    """
    points = tf.cast(points, tf.float64)
    ideal = points[..., :2] / tf.maximum(points[..., 2:], MIN_DEPTH_MM)
    seen = tf.cond(
        tf.reduce_any(cameras.distortion != 0),
        lambda: lens.distort(ideal, cameras.distortion, cameras.largest_radius),
        lambda: ideal,
    )
    pixels = tf.linalg.matmul(seen, cameras.intrinsics[:, :2, :2], transpose_b=True)
    return tf.cast(pixels + cameras.intrinsics[:, tf.newaxis, :2, 2], tf.float32)


def to_world(points: tf.Tensor, cameras: ImageCameras) -> tf.Tensor:
    """World points [B, P, 3] mm float32 of points in the frames of B cameras."""
    centred = tf.cast(points, tf.float64) - cameras.extrinsics[:, tf.newaxis, :3, 3]
    back = tf.linalg.inv(cameras.extrinsics[:, :3, :3])
    return tf.cast(tf.linalg.matmul(centred, back, transpose_b=True), tf.float32)


def _one_each(value: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """[N, ...] from [N or 1, ...]; N may be 0."""
    return tf.broadcast_to(value, tf.concat([[count], tf.shape(value)[1:]], axis=0))


def _usual_intrinsics(size: tf.Tensor, fov_deg: tf.Tensor) -> tf.Tensor:
    """[3, 3]: the field of view over the longer side, the principal point in the middle."""
    height, width = tf.cast(size[1], tf.float64), tf.cast(size[2], tf.float64)
    half_angle = tf.cast(fov_deg, tf.float64) * (math.pi / 360)
    focal = tf.maximum(height, width) / (2 * tf.tan(half_angle))
    zero, one = tf.zeros_like(focal), tf.ones_like(focal)
    rows = [[focal, zero, (width - 1) / 2], [zero, focal, (height - 1) / 2], [zero, zero, one]]
    return tf.stack([tf.stack(row) for row in rows])


def _points_of_interest(boxes: tf.Tensor) -> tf.Tensor:
    """[B, 5, 2]: the middles of the box and of its left, right, upper and lower side."""
    places = tf.constant([(0.5, 0.5), (0, 0.5), (1, 0.5), (0.5, 0), (0.5, 1)], boxes.dtype)
    return boxes[:, tf.newaxis, :2] + places * boxes[:, tf.newaxis, 2:]


def _looking_at(ray: tf.Tensor, up: tf.Tensor) -> tf.Tensor:
    """Rotations [B, 3, 3] of cameras along `ray` [B, 3] without roll against `up`; along it, the image's roll."""
    forward = tf.linalg.normalize(ray, axis=1)[0]
    right = tf.linalg.cross(forward, up)
    camera_right = tf.constant([1.0, 0, 0], ray.dtype)
    kept = camera_right - forward * forward[:, :1]
    right = tf.where(tf.norm(right, axis=1, keepdims=True) < NEARLY_VERTICAL, kept, right)
    right = tf.linalg.normalize(right, axis=1)[0]
    return tf.stack([right, tf.linalg.cross(forward, right), forward], axis=1)


def _turned(changes: Schedule) -> tf.Tensor:
    """[A, 3, 3]: about the axis by -angle, then mirrored where flipped."""
    angle = tf.cast(changes.angle, tf.float64)
    sign = tf.where(changes.flip, tf.constant(-1.0, tf.float64), 1.0)
    cos, sin, zero, one = tf.cos(angle), tf.sin(angle), tf.zeros_like(angle), tf.ones_like(angle)
    rows = [[sign * cos, sign * sin, zero], [-sin, cos, zero], [zero, zero, one]]
    return tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)


def _intrinsics(focal: tf.Tensor, middle: float) -> tf.Tensor:
    """[B, A, 3, 3] of focal lengths [B, A] px."""
    zero, one = tf.zeros_like(focal), tf.ones_like(focal)
    centre = tf.fill(tf.shape(focal), tf.constant(middle, focal.dtype))
    rows = [[focal, zero, centre], [zero, focal, centre], [zero, zero, one]]
    return tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)
