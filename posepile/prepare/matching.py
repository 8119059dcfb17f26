"""Whose detection is whose: boxes around labelled joints, and their assignment to a detector's boxes.

Boxes are [x, y, w, h] in px; detections [m, 4 or 5] may have a score as fifth number, which is not looked at.
Source: _merging sheet, "Person detection"; the thresholds are the data sets' own.
"""

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from posepile import boxes as box_geometry


def match(
    boxes: np.ndarray,
    detections: np.ndarray,
    min_iou: float,
    max_area_ratio: float = np.inf,
    min_side: float = 0.0,
) -> np.ndarray:
    """Assigns the people of an image to its detections, so that the sum of the IoUs is largest.

    Pairs that break a limit are dropped after the assignment, as the original does: they block each other.

    Args:
        boxes: [n, 4], the people's; a box with NaN is matched with nothing.
        detections: [m, 4 or 5].
        min_iou: least IoU of a pair.
        max_area_ratio: the detection's area must be less than this times the person's.
        min_side: least shorter side of the detection, px.

    Returns:
        [n] int: each person's detection, or -1.
    """
    boxes, detections = np.reshape(boxes, (-1, 4)), _boxes_of(detections)
    assigned = np.full(len(boxes), -1)
    iou = np.nan_to_num(box_geometry.iou(boxes[:, np.newaxis], detections[np.newaxis]), nan=-1.0)  # [n, m]
    people, found = linear_sum_assignment(iou, maximize=True)
    pairs = detections[found]
    fits = iou[people, found] >= min_iou
    fits &= np.isfinite(boxes[people]).all(axis=1)
    if np.isfinite(max_area_ratio):
        fits &= box_geometry.area(pairs) < max_area_ratio * box_geometry.area(boxes[people])
    fits &= pairs[:, 2:].min(axis=1, initial=np.inf) >= min_side
    assigned[people[fits]] = found[fits]
    return assigned


def best_match(box: np.ndarray, detections: np.ndarray, min_iou: float = 0.0) -> int:
    """The detection with the highest IoU with a single person's box [4]; -1 if none has `min_iou`."""
    detections = _boxes_of(detections)
    if not len(detections) or not np.isfinite(box).all():
        return -1
    iou = box_geometry.iou(box, detections)
    best = int(np.argmax(iou))
    return best if iou[best] >= min_iou else -1


def joint_box(
    pixels: np.ndarray, expand: float = 1.0, image_size: tuple[int, int] | None = None
) -> np.ndarray:
    """The box [4] around joints [J, 2]: their extent, times `expand` about its centre, cut to the image.

    NaN joints do not count; a box of NaN where no joint is left. Where nothing is left of the box in an image of
    `image_size` (width, height), its size is 0.
    """
    box = box_geometry.expand(box_geometry.of_points(pixels), expand)
    if image_size is None or not np.isfinite(box).all():
        return box
    return box_geometry.intersection(box, [0, 0, *image_size])


def hull(*boxes: np.ndarray) -> np.ndarray:
    """The smallest boxes [..., 4] around `boxes`, each [..., 4]."""
    corners = box_geometry.to_corners(np.stack(np.broadcast_arrays(*(np.asarray(b, float) for b in boxes))))
    return box_geometry.from_corners(
        np.concatenate([corners[..., :2].min(axis=0), corners[..., 2:].max(axis=0)], axis=-1)
    )


def component_at(mask: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The 4-connected part of a mask [h, w] whose bounding box has the highest IoU with `box`; [h, w] bool.

    The whole, empty mask if there is none. For masks that also hold other people and specks (MPI-INF-3DHP, MuCo).
    """
    n_labels, labels, found, _ = cv2.connectedComponentsWithStats(
        np.asarray(mask).astype(np.uint8), connectivity=4
    )
    if n_labels == 1:
        return labels > 0
    parts = found[1:, [cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP, cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    return labels == 1 + np.argmax(box_geometry.iou(box, parts))


def _boxes_of(detections: np.ndarray) -> np.ndarray:
    detections = np.asarray(detections, float)
    return (
        detections[:, :4] if detections.ndim == 2 and detections.shape[1] >= 4 else detections.reshape(-1, 4)
    )
