"""SMPL bodies of truths and of parametric predictions: global rotations, and surfaces in pieces.

The models are licensed; a folder with them is given by the user (see `posepile.body_models`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from posepile.body_models import BodyModel

PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
"""SMPL's kinematic tree."""
BLOCK = 64  # bodies whose surfaces are in memory at once: some 50 MB


@dataclass(frozen=True, eq=False)
class Bodies:
    """n bodies of one model.

    Attributes:
        model: of their gender.
        pose: [n, 72] axis and angle of each joint, the root first.
        shape: [n, B].
        translation: [n, 3] mm.
        rotation: [n, 3, 3] that turns the world into the frame wanted, or None.
        offset: [n, 3] mm, added after it.
    """

    model: BodyModel
    pose: np.ndarray
    shape: np.ndarray
    translation: np.ndarray
    rotation: np.ndarray | None = None
    offset: np.ndarray | None = None

    def joints(self) -> np.ndarray:
        """[n, 24, 3] mm."""
        return self._placed(self.model.joints(self.pose, self.shape, self.translation), slice(None))

    def surfaces(self) -> Iterator[np.ndarray]:
        """[up to 64, V, 3] mm each, in the order of the bodies."""
        vertices = np.arange(len(self.model.vertices))
        for start in range(0, len(self.pose), BLOCK):
            rows = slice(start, start + BLOCK)
            points = self.model.surface(vertices, self.pose[rows], self.shape[rows], self.translation[rows])
            yield self._placed(points, rows)

    def orientations(self) -> np.ndarray:
        """[n, 24, 3, 3]: the global rotation of each joint."""
        turns = global_rotations(self.pose)
        return turns if self.rotation is None else self.rotation[:, None] @ turns

    def _placed(self, points: np.ndarray, rows: slice) -> np.ndarray:
        if self.rotation is None:
            return points
        return points @ self.rotation[rows].swapaxes(-1, -2) + self.offset[rows, None]


def global_rotations(pose: np.ndarray) -> np.ndarray:
    """[n, 72] axis-angle relative to the parent -> [n, 24, 3, 3] rotations relative to the world."""
    turns = Rotation.from_rotvec(np.reshape(pose, (-1, 3))).as_matrix().reshape(len(pose), len(PARENTS), 3, 3)
    for joint, parent in enumerate(PARENTS[1:], start=1):
        turns[:, joint] = turns[:, parent] @ turns[:, joint]
    return turns
