"""Metrics of body meshes: vertices, and rotations of body parts."""

from collections.abc import Iterator

import numpy as np

from evaluation.alignment import Similarities, fit_similarities
from evaluation.metrics.distances import absolute_distances, blocks, blockwise
from evaluation.metrics.reductions import mean_distance, pooled_mean

MPJAE_JOINTS = (0, 1, 2, 4, 5, 16, 17, 18, 19)
"""The SMPL joints whose rotations are compared."""


def mpjae(pred, true, valid=None) -> float:
    """Mean per-joint angular error: the mean of `rotation_errors`, in degrees."""
    return pooled_mean(rotation_errors(pred, true, valid))


def mpjae_pa(pred, true, pred_joints, true_joints, valid_joints=None, valid=None) -> float:
    """MPJAE after the predicted rotations are turned by what aligns the joints [N, J, 3], in degrees."""
    return mpjae(aligned_rotations(pred, pred_joints, true_joints, valid_joints), true, valid)


def rotation_errors(pred, true, valid=None) -> np.ndarray:
    """[N, R] the angle between global rotations [N, R, 3, 3], in degrees; NaN where one is not finite.

    valid: [N, R]. Which joints: MPJAE_JOINTS of SMPL.
    """
    pred, true = np.asarray(pred), np.asarray(true)
    if pred.shape != true.shape or pred.ndim != 4 or pred.shape[-2:] != (3, 3):
        raise ValueError(f"pred has shape {pred.shape} and true {true.shape}, expected both [N, R, 3, 3]")
    if valid is not None and np.shape(valid) != true.shape[:2]:
        raise ValueError(f"valid has shape {np.shape(valid)}, expected {true.shape[:2]}")
    parts = []
    for rows in blocks(*pred.shape[:2]):
        with np.errstate(invalid="ignore"):
            squares = np.square(pred[rows].astype(np.float64, copy=False) - true[rows]).sum(axis=(-2, -1))
            angles = np.degrees(2 * np.arcsin(np.minimum(1, np.sqrt(squares / 8))))
        counted = np.isfinite(squares) & (True if valid is None else np.asarray(valid[rows], bool))
        parts.append(np.where(counted, angles, np.nan))
    return np.concatenate(parts)


def aligned_rotations(pred, pred_joints, true_joints, valid_joints=None) -> np.ndarray:
    """[N, R, 3, 3] predicted rotations, turned by what aligns the joints [N, J, 3]."""
    pred, parts = np.asarray(pred), []
    for rows, motions in _joint_motions(pred_joints, true_joints, valid_joints):
        # The fit is for row vectors from the right; as a matrix from the left it is the transpose.
        turns = motions.rotation.swapaxes(1, 2)[:, None]
        parts.append(turns @ np.asarray(pred[rows], np.float64))
    return np.concatenate(parts)


def mve(pred, true, valid=None, pred_root=None, true_root=None) -> float:
    """Mean vertex error, mm: of vertices [N, V, 3] relative to the roots [N, 3], or absolute without them."""
    if (pred_root is None) != (true_root is None):
        raise ValueError("expected both pred_root and true_root, or neither")
    if pred_root is not None:
        pred, true = (
            np.asarray(points, np.float64) - np.asarray(origin, np.float64)[:, None]
            for points, origin in ((pred, pred_root), (true, true_root))
        )
    return mean_distance(absolute_distances(pred, true, valid))


def mve_pa(pred, true, pred_joints, true_joints, valid_joints=None, valid=None) -> float:
    """Mean vertex error after the similarity that aligns the joints [N, J, 3] moved the vertices, mm."""
    pred, true, parts = np.asarray(pred), np.asarray(true), []
    for rows, motions in _joint_motions(pred_joints, true_joints, valid_joints):
        with np.errstate(invalid="ignore"):  # missing vertices are inf or NaN
            moved = motions.apply(np.asarray(pred[rows], np.float64))
        parts.append(absolute_distances(moved, true[rows], None if valid is None else valid[rows]))
    return mean_distance(np.concatenate(parts))


def _joint_motions(pred, true, valid) -> Iterator[tuple[slice, Similarities]]:
    """Block by block of poses, what aligns their joints."""
    pred, true = np.asarray(pred), np.asarray(true)
    usable = blockwise(lambda pred, true, labelled, usable: usable, pred, true, valid)
    for rows in blocks(*usable.shape):
        yield rows, fit_similarities(pred[rows], true[rows], usable[rows])
