"""Pictures of what a network predicts: skeletons over crops, and the same poses seen from the side."""

from collections.abc import Sequence

import cv2
import numpy as np

from training.model import PoseEstimator
from training.validation import Examined, ValidationSet, examine, project

PANEL_PX = 256
PREDICTED, LABELLED = (255, 60, 30), (40, 200, 90)  # RGB
SIDE_VIEW_MM = 2200.0
SHIFT = 4  # positions in sixteenths of a pixel


def draw_samples(model: PoseEstimator, parts: Sequence[ValidationSet]) -> np.ndarray:
    """A grid [H, W, 3] uint8 RGB, one line a store: crops with the labelled (green) and the predicted (red) skeleton,
    each with the poses seen from the person's side, moved to their mean joint."""
    lines = []
    for part in parts:
        found = examine(model, part, part.rows)
        edges = part.store.info.as_skeleton().edges
        lines.append(np.concatenate([_panels(found, i, edges) for i in range(len(part.rows))], axis=1))
    width = max(line.shape[1] for line in lines)
    return np.concatenate([np.pad(line, [(0, 0), (0, width - line.shape[1]), (0, 0)]) for line in lines])


def _panels(found: Examined, i: int, edges) -> np.ndarray:
    side = found.crops.shape[1]
    front = cv2.resize(found.crops[i], (PANEL_PX, PANEL_PX), interpolation=cv2.INTER_LINEAR)
    turned = np.full_like(front, 24)
    valid = found.valid[i]
    everywhere = np.ones_like(valid)
    for points, known, colour in (
        (found.labelled[i], valid, LABELLED),
        (found.predicted[i], everywhere, PREDICTED),
    ):
        pixels = project(points[None], found.cameras.intrinsics[i : i + 1])[0]
        _draw(front, (pixels + 0.5) * (PANEL_PX / side) - 0.5, known, edges, colour)
        if known.any():
            relative = points - points[valid if valid.any() else known].mean(axis=0)
            _draw(
                turned, relative[:, [2, 1]] * (PANEL_PX / SIDE_VIEW_MM) + PANEL_PX / 2, known, edges, colour
            )
    return np.concatenate([front, turned], axis=1)


def _draw(image: np.ndarray, points: np.ndarray, known: np.ndarray, edges, colour) -> None:
    drawable = known & np.isfinite(points).all(axis=-1) & (np.abs(points) < 20 * PANEL_PX).all(axis=-1)
    fixed = np.where(drawable[:, None], points * 2**SHIFT, 0).round().astype(int)
    for a, b in edges:
        if drawable[a] and drawable[b]:
            cv2.line(image, fixed[a].tolist(), fixed[b].tolist(), colour, 1, cv2.LINE_AA, SHIFT)
    for point in fixed[drawable]:
        cv2.circle(image, point.tolist(), 2 << SHIFT, colour, -1, cv2.LINE_AA, SHIFT)
