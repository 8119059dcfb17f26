"""Poses drawn over their image, with a view from the side beside it."""

import cv2
import numpy as np

from serving.predictor import JointChoice, People

# Right, left and centre in the colours that colour-blind people tell apart (Okabe and Ito), RGB.
SIDE_COLOURS = {"r": (213, 94, 0), "l": (0, 114, 178), "": (0, 158, 115)}
BOX_INK = (240, 228, 66)
PAPER = (250, 250, 248)
FLOOR_INK = (205, 205, 200)
LINES_PER_SIDE = 400  # the longer side of the image is this many line widths
SIDE_VIEW_FILLED = 0.85  # of its side


def draw(image: np.ndarray, people: People, choice: JointChoice) -> np.ndarray:
    """The image with boxes and skeletons, and to its right everyone seen from the right of the camera's view.

    Args:
        image: [H, W, 3] uint8 RGB, left unchanged.
        people: with the joints of `choice`, camera frame.

    Returns:
        [H, W + H, 3] uint8 RGB.
    """
    canvas = image.copy()
    width = max(1, round(max(image.shape[:2]) / LINES_PER_SIDE))
    for box, points in zip(people.boxes, people.joints2d, strict=True):
        x, y, w, h = np.round(box).astype(int).tolist()
        cv2.rectangle(canvas, (x, y), (x + w, y + h), BOX_INK, width)
        _draw_skeleton(canvas, points, choice, width)
    return np.hstack([canvas, side_view(people.joints3d, choice, image.shape[0])])


def side_view(poses: np.ndarray, choice: JointChoice, height: int) -> np.ndarray:
    """Everyone from the side, [height, height, 3] uint8 RGB: parallel projection, depth to the right.

    Args:
        poses: [M, J, 3] mm, camera frame; the camera itself would be at the left.
    """
    canvas = np.full((height, height, 3), PAPER, np.uint8)
    points = poses[..., [2, 1]]  # depth to the right, image y down
    if not np.isfinite(points).any():
        return canvas
    low, high = np.nanmin(points, axis=(0, 1)), np.nanmax(points, axis=(0, 1))
    scale = SIDE_VIEW_FILLED * height / max(*(high - low), 1.0)
    points = (points - (low + high) / 2) * scale + (height - 1) / 2
    width = max(1, round(height / LINES_PER_SIDE))
    floor = round(float(np.nanmax(points[..., 1])))
    cv2.line(canvas, (0, floor), (height, floor), FLOOR_INK, width)
    for pose in points:
        _draw_skeleton(canvas, pose, choice, width)
    return canvas


def _draw_skeleton(canvas: np.ndarray, points: np.ndarray, choice: JointChoice, width: int) -> None:
    """Edges and joints at `points` [J, 2] px; what has no place, or one far outside, is left out."""
    near = (np.abs(points) < 8 * max(canvas.shape)).all(axis=1)  # OpenCV's integers overflow on far points
    places = np.round(np.where(near[:, np.newaxis], points, 0)).astype(int).tolist()
    edges = [(a, b) for a, b in choice.edges if near[a] and near[b]]
    for a, b in edges:  # a rim, to stand out from clothes of the same colour
        cv2.line(canvas, places[a], places[b], PAPER, width + 3, cv2.LINE_AA)
    for a, b in edges:
        colour = _colour(choice.joints[a], choice.joints[b])
        cv2.line(canvas, places[a], places[b], colour, width + 1, cv2.LINE_AA)
    for j in np.flatnonzero(near):
        cv2.circle(canvas, places[j], width + 1, _colour(choice.joints[j]), -1, cv2.LINE_AA)


def _colour(*joints: str) -> tuple[int, int, int]:
    """An edge with one end on a side belongs to that side."""
    side = next((name[0] for name in joints if name[0] in "lr"), "")
    return SIDE_COLOURS[side]
