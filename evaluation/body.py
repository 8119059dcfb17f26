"""A typical standing pose, turned to face the viewer, to draw latent points on."""

import numpy as np

from evaluation.alignment import procrustes_aligned
from posepile.skeletons import Skeleton

ROUNDS = 3
UPRIGHT_SHARE = 0.1


def facing_frame(poses: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """The mean of the most upright poses, turned and moved onto each other, facing the viewer.

    Args:
        poses: [n, J, 3] mm, any frame.
        skeleton: of the J joints; some format needs pelv, neck, lhip, rhip, lank, rank.

    Returns:
        [J, 3] mm, pelvis at the origin, x to the person's left, y up, z forward.
    """
    poses = np.asarray(poses, np.float64)[np.isfinite(poses).all(axis=(1, 2))]
    neck, pelvis, left_hip, right_hip, *ankles = (
        skeleton.base_names.index(name) for name in ("neck", "pelv", "lhip", "rhip", "lank", "rank")
    )
    extent = np.linalg.norm(poses[:, neck] - poses[:, ankles].mean(axis=1), axis=-1)
    upright = poses[np.argsort(-extent)[: max(1, round(UPRIGHT_SHARE * len(poses)))]]
    mean, usable = upright[0], np.ones(upright.shape[:2], bool)
    for _ in range(ROUNDS):
        target = np.broadcast_to(mean, upright.shape)
        mean = procrustes_aligned(upright, target, usable, with_scale=False)[0].mean(axis=0)
    up = _unit(mean[neck] - mean[ankles].mean(axis=0))
    left = mean[left_hip] - mean[right_hip]
    left = _unit(left - up * (left @ up))
    return (mean - mean[pelvis]) @ np.stack([left, up, np.cross(left, up)]).T


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
