"""The named metrics of 3D poses.

pred, true: [N, J, 3] mm; valid: [N, J], None means where `true` is finite; root: a joint, or several whose mean is
the root. Percentages are in %. See `evaluation.metrics` for what NaN means.
"""

from collections.abc import Sequence

import numpy as np

from evaluation.alignment import Root
from evaluation.metrics.distances import (
    absolute_distances,
    procrustes_distances,
    root_distances,
    root_relative_distances,
    scaled_distances,
)
from evaluation.metrics.reductions import (
    area_under_curve,
    correct_joints,
    correct_poses,
    correct_poses_area,
    mean_distance,
    nearness_3dhp,
    nearness_3dpw,
    nearness_3dpw_binned,
    pooled_mean,
    worst_joints,
)


def mpjpe(pred, true, valid=None, root: Root = 0) -> float:
    """Mean per-joint position error after root alignment, mm."""
    return mean_distance(root_relative_distances(pred, true, valid, root))


def p_mpjpe(pred, true, valid=None) -> float:
    """MPJPE after Procrustes alignment, mm. It minimises squares, so one pose's may exceed its MPJPE."""
    return mean_distance(procrustes_distances(pred, true, valid))


def n_mpjpe(pred, true, valid=None, root: Root = 0) -> float:
    """MPJPE after root alignment and scaling, mm."""
    return mean_distance(scaled_distances(pred, true, valid, root))


def a_mpjpe(pred, true, valid=None) -> float:
    """MPJPE without alignment, mm."""
    return mean_distance(absolute_distances(pred, true, valid))


def mrpe(pred, true, valid=None, root: Root = 0) -> float:
    """Mean root position error, mm."""
    return mean_distance(root_distances(pred, true, valid, root))


def pck(pred, true, valid=None, root: Root = 0, threshold: float = 100.0, inclusive: bool = False) -> float:
    """Percentage of correct keypoints: root-relative distance below (inclusive: or at) the threshold."""
    return correct_joints(root_relative_distances(pred, true, valid, root), threshold, inclusive)


def auc(pred, true, valid=None, root: Root = 0, limit: float = 150.0) -> float:
    """Area under the PCK curve from 0 to the limit (continuous)."""
    return area_under_curve(root_relative_distances(pred, true, valid, root), limit)


def auc_3dhp(pred, true, valid=None, root: Root = 0) -> float:
    """Mean PCK at 0, 5, ..., 150 mm, as MPI-INF-3DHP and MuPoTS-3D have it. Perfect is 30/31, 96.77 %."""
    return 100 * pooled_mean(nearness_3dhp(root_relative_distances(pred, true, valid, root)))


def auc_3dpw(pred, true, valid=None, root: Root = 0) -> float:
    """Area under the inclusive PCK curve at 0, 1, ..., 199 mm, as the 3DPW challenge has it."""
    return 100 * pooled_mean(nearness_3dpw(root_relative_distances(pred, true, valid, root)))


def auc_3dpw_binned(pred, true, valid=None, root: Root = 0) -> float:
    """`auc_3dpw` with distances in 50 bins; differs by about 0.01."""
    return 100 * pooled_mean(nearness_3dpw_binned(root_relative_distances(pred, true, valid, root)))


def cps(pred, true, valid=None, root: Root = 0, threshold: float = 200.0) -> float:
    """Correct poses score: every joint of the pose, root-relative, strictly below the threshold."""
    return correct_poses(root_relative_distances(pred, true, valid, root), threshold)


def cps_auc(pred, true, valid=None, root: Root = 0, limit: float = 200.0) -> float:
    """Area under the CPS curve from 0 to the limit (continuous)."""
    return correct_poses_area(root_relative_distances(pred, true, valid, root), limit)


def ncps(pred, true, valid=None, threshold: float = 125.0, joints: Sequence[int] | None = None) -> float:
    """Normalised correct poses score: after Procrustes alignment, every joint at most at the threshold.

    All joints take part in the alignment; `joints` limits which are looked at (3DPW: its major joints).
    """
    return correct_joints(_worst_aligned(pred, true, valid, joints), threshold, inclusive=True)


def ncps_auc(pred, true, valid=None, limit: float = 300.0, joints: Sequence[int] | None = None) -> float:
    """Area under the NCPS curve from 0 to the limit (continuous)."""
    return area_under_curve(_worst_aligned(pred, true, valid, joints), limit)


def apck(pred, true, valid=None, threshold: float = 150.0, inclusive: bool = False) -> float:
    """Absolute PCK: distance without alignment below (inclusive: or at) the threshold."""
    return correct_joints(absolute_distances(pred, true, valid), threshold, inclusive)


def aauc(pred, true, valid=None, limit: float = 150.0) -> float:
    """Absolute AUC: area under the APCK curve from 0 to the limit (continuous)."""
    return area_under_curve(absolute_distances(pred, true, valid), limit)


def _worst_aligned(pred, true, valid, joints: Sequence[int] | None) -> np.ndarray:
    distances = procrustes_distances(pred, true, valid)
    return worst_joints(distances if joints is None else distances[:, joints])
