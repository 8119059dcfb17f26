"""Bones of a predicted pose set to their true lengths, from the pelvis outwards."""

from collections.abc import Sequence

import numpy as np


def with_true_bone_lengths(
    pred: np.ndarray, true: np.ndarray, bones: Sequence[tuple[int, int]]
) -> np.ndarray:
    """Keeps the direction of every predicted bone and gives it the length of the true one.

    Args:
        pred, true: [n, J, 3] mm.
        bones: (child, parent), a parent before its children; joints that are no child stay where they are. A bone
            of length 0 has no direction and stays so.

    Source: MuPoTS-3D, evaluation sheet, section 5.3.
    """
    result = np.array(pred, np.float64)
    for child, parent in bones:
        bone = pred[:, child] - pred[:, parent]
        length = np.linalg.norm(bone, axis=-1, keepdims=True)
        wanted = np.linalg.norm(true[:, child] - true[:, parent], axis=-1, keepdims=True)
        result[:, child] = result[:, parent] + bone * (wanted / np.where(length > 0, length, 1.0))
    return result
