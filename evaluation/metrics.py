"""Metrics of 3D poses, in float64.

Every metric is a reduction of a matrix of distances [N, J] in mm, in which

- NaN means: this joint is not labelled; it counts nowhere;
- +inf means: labelled, but the prediction is missing (NaN, inf). It is wrong for PCK, AUC and CPS,
  and left out of the mean errors; `coverage` tells how many there are.

The root joint itself counts, its root-relative distance is 0: all published figures include it. A pose whose
true root is not labelled has no root-relative distances. Means are pooled over poses and joints; a mean over
nothing is NaN. Source: evaluation sheet, sections 1 and 2.
"""

import numpy as np

from evaluation.alignment import procrustes_aligned, root_centred, scale_aligned

# Distances


def root_relative_distances(pred, true, valid=None, root: int = 0) -> np.ndarray:
    """[N, J] distances after both poses are moved to have their root at the origin."""
    usable, labelled, true = _masks(pred, true, valid)
    true_root = labelled[:, root : root + 1]
    moved = root_centred(np.where(usable[..., None], pred, np.nan), root)
    return _distances(moved, root_centred(true, root), labelled & true_root)


def absolute_distances(pred, true, valid=None) -> np.ndarray:
    """[N, J] distances without any alignment."""
    usable, labelled, true = _masks(pred, true, valid)
    return _distances(np.where(usable[..., None], pred, np.nan), true, labelled)


def procrustes_distances(pred, true, valid=None) -> np.ndarray:
    """[N, J] distances after each pose is aligned by rotation, translation and scale (no reflection)."""
    usable, labelled, true = _masks(pred, true, valid)
    moved, _ = procrustes_aligned(np.where(usable[..., None], pred, np.nan), true, usable)
    return _distances(moved, true, labelled)


def scaled_distances(pred, true, valid=None, root: int = 0) -> np.ndarray:
    """[N, J] distances after root alignment and scaling."""
    usable, labelled, true = _masks(pred, true, valid)
    true_root = labelled[:, root : root + 1]
    pred = np.where(usable[..., None], pred, np.nan)
    moved = scale_aligned(pred, true, root, usable & usable[:, root : root + 1])
    return _distances(moved, root_centred(true, root), labelled & true_root)


# Reductions of distances [N, J]


def mean_distance(distances: np.ndarray) -> float:
    """Mean over labelled, predicted joints, mm; NaN if there are none."""
    return _mean(distances, np.isfinite(distances))


def correct_joints(distances: np.ndarray, threshold: float) -> float:
    """Percent of labelled joints with a distance strictly below `threshold` mm."""
    return 100 * _mean(distances < threshold, ~np.isnan(distances))


def area_under_curve(distances: np.ndarray, limit: float) -> float:
    """Percent: the area under the curve of correct joints over thresholds from 0 to `limit` mm, exactly."""
    return 100 * _mean(np.maximum(0, 1 - distances / limit), ~np.isnan(distances))


def correct_poses(distances: np.ndarray, threshold: float) -> float:
    """Percent of poses whose worst labelled joint is strictly nearer than `threshold` mm."""
    worst, some = _worst(distances)
    return 100 * _mean(worst < threshold, some)


def correct_poses_area(distances: np.ndarray, limit: float) -> float:
    """Percent: the area under the curve of correct poses over thresholds from 0 to `limit` mm, exactly."""
    worst, some = _worst(distances)
    return 100 * _mean(np.maximum(0, 1 - worst / limit), some)


def coverage(distances: np.ndarray) -> float:
    """Fraction of labelled joints that were predicted; 1 if none is labelled."""
    labelled = ~np.isnan(distances)
    return float(np.isfinite(distances).sum() / labelled.sum()) if labelled.any() else 1.0


# The named metrics. pred, true: [N, J, 3] mm; valid: [N, J] bool, None means where `true` is finite.


def mpjpe(pred, true, valid=None, root: int = 0) -> float:
    """Mean per-joint position error after root alignment, mm."""
    return mean_distance(root_relative_distances(pred, true, valid, root))


def p_mpjpe(pred, true, valid=None) -> float:
    """MPJPE after Procrustes alignment, mm. It minimises squares, so one pose's may exceed its MPJPE."""
    return mean_distance(procrustes_distances(pred, true, valid))


def n_mpjpe(pred, true, valid=None, root: int = 0) -> float:
    """MPJPE after root alignment and scaling, mm."""
    return mean_distance(scaled_distances(pred, true, valid, root))


def a_mpjpe(pred, true, valid=None) -> float:
    """MPJPE without alignment, mm."""
    return mean_distance(absolute_distances(pred, true, valid))


def mrpe(pred, true, valid=None, root: int = 0) -> float:
    """Mean root position error, mm."""
    return mean_distance(absolute_distances(pred, true, valid)[:, root])


def pck(pred, true, valid=None, root: int = 0, threshold: float = 100.0) -> float:
    """Percentage of correct keypoints: root-relative distance strictly below the threshold, %."""
    return correct_joints(root_relative_distances(pred, true, valid, root), threshold)


def auc(pred, true, valid=None, root: int = 0, limit: float = 150.0) -> float:
    """Area under the PCK curve from 0 to the limit (continuous), %."""
    return area_under_curve(root_relative_distances(pred, true, valid, root), limit)


def cps(pred, true, valid=None, root: int = 0, threshold: float = 200.0) -> float:
    """Correct poses score: every joint of the pose, root-relative, strictly below the threshold, %."""
    return correct_poses(root_relative_distances(pred, true, valid, root), threshold)


def _masks(pred, true, valid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(labelled and predicted [N, J], labelled [N, J], true in float64). Raises ValueError for shapes."""
    pred, true = np.asarray(pred), np.asarray(true, np.float64)
    if pred.shape != true.shape or pred.ndim != 3 or pred.shape[-1] != 3:
        raise ValueError(f"pred has shape {pred.shape} and true {true.shape}, expected both [N, J, 3]")
    labelled = np.isfinite(true).all(axis=-1)
    if valid is not None:
        if np.shape(valid) != true.shape[:2]:
            raise ValueError(f"valid has shape {np.shape(valid)}, expected {true.shape[:2]}")
        labelled = labelled & np.asarray(valid, bool)
    return labelled & np.isfinite(pred).all(axis=-1), labelled, true


def _distances(moved: np.ndarray, true: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    distances = np.linalg.norm(moved - true, axis=-1)
    return np.where(labelled, np.where(np.isfinite(distances), distances, np.inf), np.nan)


def _worst(distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each pose's largest distance [N], and which poses have a labelled joint at all [N]."""
    labelled = ~np.isnan(distances)
    return np.where(labelled, distances, -np.inf).max(axis=1, initial=-np.inf), labelled.any(axis=1)


def _mean(values: np.ndarray, mask: np.ndarray) -> float:
    return float(values[mask].mean(dtype=np.float64)) if mask.any() else float("nan")
