"""What every motion capture reader returns: a skeleton at rest and its global rotations over time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Recording:
    """One recording of one person, in the axes and the length unit of its file.

    Rotations are deltas from the rest pose in world axes: a direction d of the rest pose, fixed to joint j,
    points along `rotations[t, j] @ d` at frame t, and identity everywhere is the rest pose. No local bone
    frame is left.
    """

    name: str  # where it comes from, for messages: a path or a file name
    fps: float
    joints: tuple[str, ...]
    parents: tuple[int, ...]  # a parent comes before its children; -1 for the root
    rest: np.ndarray  # [J, 3] the joints at rest, which are the points that they turn about
    rotations: np.ndarray  # [T, J, 3, 3] global
    positions: np.ndarray  # [T, J, 3]
    tips: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Rest position [3] of the far end of joints whose children do not show it (hand, foot, head)."""
    bends: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Of knees and elbows, by the upper bone's name: rest direction [3] that the lower one folds to."""

    def joint_tip(self, joint: int) -> np.ndarray | None:
        """Rest position [3] of the far end of a joint: its tip, else the mean of its children, else None."""
        children = [i for i, parent in enumerate(self.parents) if parent == joint]
        if self.joints[joint] in self.tips or not children:
            return self.tips.get(self.joints[joint])
        return self.rest[children].mean(axis=0)


def to_global(parents: Sequence[int], local: np.ndarray) -> np.ndarray:
    """Chains local rotations [T, J, 3, 3] (each against its parent) to global ones of the same shape."""
    result = np.array(local)
    for joint, parent in enumerate(parents):
        if parent >= 0:
            result[:, joint] = result[:, parent] @ local[:, joint]
    return result


def to_positions(
    parents: Sequence[int], rest: np.ndarray, rotations: np.ndarray, root: np.ndarray
) -> np.ndarray:
    """Joints [T, J, 3] from global rotations [T, J, 3, 3] and the root's positions [T, 3]."""
    result = np.empty(rotations.shape[:3], rotations.dtype)
    for joint, parent in enumerate(parents):
        if parent < 0:
            result[:, joint] = root
        else:
            result[:, joint] = result[:, parent] + rotations[:, parent] @ (rest[joint] - rest[parent])
    return result
