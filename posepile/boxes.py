"""Boxes as [x, y, w, h] in px, one or many: every function takes [..., 4] and broadcasts.

The corner (x, y) and the far corner (x + w, y + h) are points of the image plane; pixel centres are integers.
"""

import numpy as np


def from_corners(corners) -> np.ndarray:
    """[..., 4] = (x1, y1, x2, y2) to boxes [..., 4]."""
    corners = np.asarray(corners)
    return np.concatenate([corners[..., :2], corners[..., 2:] - corners[..., :2]], axis=-1)


def to_corners(boxes) -> np.ndarray:
    """Boxes [..., 4] to (x1, y1, x2, y2) [..., 4]."""
    boxes = np.asarray(boxes)
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)


def centre(boxes) -> np.ndarray:
    """Centres [..., 2]."""
    boxes = np.asarray(boxes)
    return boxes[..., :2] + boxes[..., 2:] / 2


def area(boxes) -> np.ndarray:
    """Areas [...] in px^2; 0 for a box of negative size."""
    return np.maximum(np.asarray(boxes)[..., 2:], 0).prod(axis=-1)


def around(centres, sizes) -> np.ndarray:
    """Boxes [..., 4] with `centres` [..., 2] and `sizes` [..., 2] = (w, h)."""
    centres, sizes = np.broadcast_arrays(np.asarray(centres, float), np.asarray(sizes, float))
    return np.concatenate([centres - sizes / 2, sizes], axis=-1)


def expand(boxes, factor: float) -> np.ndarray:
    """Boxes scaled about their centres."""
    boxes = np.asarray(boxes)
    return around(centre(boxes), boxes[..., 2:] * factor)


def square(boxes) -> np.ndarray:
    """The squares with the same centres whose sides are the longer sides."""
    boxes = np.asarray(boxes)
    side = boxes[..., 2:].max(axis=-1, keepdims=True)
    return around(centre(boxes), np.broadcast_to(side, boxes[..., 2:].shape))


def of_points(points) -> np.ndarray:
    """The smallest boxes [..., 4] around `points` [..., n, 2]. NaN points do not count; NaN if alone."""
    points = np.asarray(points, float)
    valid = np.isfinite(points).all(axis=-1, keepdims=True)
    low = np.where(valid, points, np.inf).min(axis=-2, initial=np.inf)
    high = np.where(valid, points, -np.inf).max(axis=-2, initial=-np.inf)
    corners = np.concatenate([low, high], axis=-1)
    return from_corners(np.where(np.isfinite(corners).all(axis=-1, keepdims=True), corners, np.nan))


def side_midpoints(boxes) -> np.ndarray:
    """The middles [..., 4, 2] of the left, right, upper and lower side."""
    boxes = np.asarray(boxes)
    offsets = np.array([(0, 0.5), (1, 0.5), (0.5, 0), (0.5, 1)])
    return boxes[..., np.newaxis, :2] + offsets * boxes[..., np.newaxis, 2:]


def intersection(a, b) -> np.ndarray:
    """The common boxes [..., 4]; size 0 where there is none."""
    a, b = np.broadcast_arrays(np.asarray(a, float), np.asarray(b, float))
    corners_a, corners_b = to_corners(a), to_corners(b)
    low = np.maximum(corners_a[..., :2], corners_b[..., :2])
    high = np.minimum(corners_a[..., 2:], corners_b[..., 2:])
    return np.concatenate([low, np.maximum(high - low, 0)], axis=-1)


def iou(a, b) -> np.ndarray:
    """Intersection over union [...]; 0 where both are empty."""
    common = area(intersection(a, b))
    union = area(a) + area(b) - common
    return np.divide(common, union, out=np.zeros_like(union, dtype=float), where=union > 0)


def contains(boxes, points) -> np.ndarray:
    """Whether `points` [..., n, 2] lie in their box; its left and upper side belong to it, NaN does not."""
    relative = np.asarray(points) - np.asarray(boxes)[..., np.newaxis, :2]
    return ((relative >= 0) & (relative < np.asarray(boxes)[..., np.newaxis, 2:])).all(axis=-1)


def full(size) -> np.ndarray:
    """The box of a whole image of `size` (width, height): from the first pixel's corner to the last one's."""
    return np.array([-0.5, -0.5, size[0], size[1]])
