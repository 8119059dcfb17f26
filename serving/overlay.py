"""Poses drawn over their image, with a view from the side beside it."""

import cv2
import numpy as np

from serving.frames import NOBODY, PosedFrame
from serving.predictor import JointChoice

# Right, left and centre in the colours that colour-blind people tell apart (Okabe and Ito), RGB.
SIDE_COLOURS = {"r": (213, 94, 0), "l": (0, 114, 178), "": (0, 158, 115)}
# Of boxes, one a person in turn; where people have no ids, the first
BOX_INKS = ((240, 228, 66), (86, 180, 233), (204, 121, 167), (230, 159, 0), (250, 250, 248))
LABEL_INK = (20, 20, 20)
LETTERS = 26  # the longer side of the image is this many letter heights
PAPER = (250, 250, 248)
FLOOR_INK = (205, 205, 200)
LINES_PER_SIDE = 400  # the longer side of the image is this many line widths
SIDE_VIEW_FILLED = 0.85  # of its side
NARROWING = 0.02  # of the view from the side, a frame: in about two seconds it fits again


class Painter:
    """Draws the frames of one photo or video. A video's view from the side keeps its scale steady."""

    def __init__(self, choice: JointChoice):
        self._choice = choice
        self._range: tuple[np.ndarray, np.ndarray] | None = None

    def draw(self, frame: PosedFrame) -> np.ndarray:
        """The image with boxes and skeletons, and to its right everyone seen from the right of the camera's view.

        Args:
            frame: its people have the joints of the choice, camera frame. The image is left unchanged.

        Returns:
            [H, W + H, 3] uint8 RGB.
        """
        canvas = frame.image.copy()
        width = max(1, round(max(canvas.shape[:2]) / LINES_PER_SIDE))
        for box, filled, i in zip(frame.people.boxes, frame.filled, frame.ids, strict=True):
            _draw_box(canvas, box, int(i), 1 if filled else width + 1)
        for points in frame.people.joints2d:
            _draw_skeleton(canvas, points, self._choice, width)
        for box, i in zip(frame.people.boxes, frame.ids, strict=True):  # over the skeletons of others
            _draw_label(canvas, box[:2], int(i))
        return np.hstack([canvas, self.side_view(frame, canvas.shape[0])])

    def side_view(self, frame: PosedFrame, height: int) -> np.ndarray:
        """Everyone from the side, [height, height, 3] uint8 RGB: parallel projection, depth to the right.

        The camera itself would be at the left.
        """
        canvas = np.full((height, height, 3), PAPER, np.uint8)
        points = frame.people.joints3d[..., [2, 1]]  # depth to the right, image y down
        if not np.isfinite(points).any():
            return canvas
        low, high = self._steady_range(np.nanmin(points, axis=(0, 1)), np.nanmax(points, axis=(0, 1)))
        scale = SIDE_VIEW_FILLED * height / max(*(high - low), 1.0)
        points = (points - (low + high) / 2) * scale + (height - 1) / 2
        width = max(1, round(height / LINES_PER_SIDE))
        floor = round(float(np.nanmax(points[..., 1])))
        cv2.line(canvas, (0, floor), (height, floor), FLOOR_INK, width)
        for pose in points:
            _draw_skeleton(canvas, pose, self._choice, width)
        for pose, i in zip(points, frame.ids, strict=True):
            _draw_label(canvas, np.nanmin(pose, axis=0) - 2 * _letter(canvas), int(i))
        return canvas

    def _steady_range(self, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest (depth, y) to show, mm: widens at once, and narrows slowly."""
        if self._range is not None:
            old_low, old_high = self._range
            low = np.minimum(low, old_low + NARROWING * (low - old_low))
            high = np.maximum(high, old_high + NARROWING * (high - old_high))
        self._range = low, high
        return low, high


def _draw_box(canvas: np.ndarray, box: np.ndarray, i: int, width: int) -> None:
    largest = 8 * max(canvas.shape)  # OpenCV's integers overflow on far points
    x, y, w, h = np.round(np.clip(box, -largest, largest)).astype(int).tolist()
    cv2.rectangle(canvas, (x, y), (x + w, y + h), _box_ink(i), width)


def _draw_label(canvas: np.ndarray, corner: np.ndarray, i: int) -> None:
    """A person's number with its upper left corner there, or as near as it fits into the image."""
    if i == NOBODY:
        return
    letter = _letter(canvas)
    font = cv2.FONT_HERSHEY_SIMPLEX
    scale = cv2.getFontScaleFromHeight(font, letter * 2 // 3, 1)
    thickness = max(1, letter // 10)
    (width, height), _ = cv2.getTextSize(str(i), font, scale, thickness)
    margin = letter // 4
    room = (canvas.shape[1] - width - 2 * margin, canvas.shape[0] - height - 2 * margin)
    x, y = np.clip(np.round(corner), 0, np.maximum(room, 0)).astype(int).tolist()
    cv2.rectangle(canvas, (x, y), (x + width + 2 * margin, y + height + 2 * margin), _box_ink(i), -1)
    place = (x + margin, y + height + margin)
    cv2.putText(canvas, str(i), place, font, scale, LABEL_INK, thickness, cv2.LINE_AA)


def _letter(canvas: np.ndarray) -> int:
    """Height of a label's line, px."""
    return max(8, round(max(canvas.shape[:2]) / LETTERS))


def _box_ink(i: int) -> tuple[int, int, int]:
    return BOX_INKS[max(i - 1, 0) % len(BOX_INKS)]


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
