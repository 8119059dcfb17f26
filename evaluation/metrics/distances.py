"""Distances [N, J] of predicted and true joints, after this or that alignment.

NaN: not labelled. +inf: labelled, but the prediction is missing.

All functions take pred and true, [N, J, 3] mm, and valid, [N, J] bool: which joints count (None: all whose
truth is finite). They raise ValueError for shapes that do not fit. Poses are worked off in blocks, which stay in
the processor's cache and bound the memory.
"""

from collections.abc import Callable, Iterator

import numpy as np

from evaluation.alignment import Root, procrustes_aligned, root_centred, root_position, scale_aligned

BLOCK = 1 << 16  # joints


def root_relative_distances(pred, true, valid=None, root: Root = 0) -> np.ndarray:
    """[N, J] distances after both poses are moved to have their root at the origin."""

    def block(pred, true, labelled, usable):
        true_root = all_of(labelled, root)
        moved = root_centred(np.where(usable[..., None], pred, np.nan), root)
        return lengths(moved - root_centred(true, root), labelled & true_root)

    return blockwise(block, pred, true, valid)


def absolute_distances(pred, true, valid=None, dimensions: int = 3) -> np.ndarray:
    """[N, J] distances without any alignment; the points may have 2 dimensions."""

    def block(pred, true, labelled, usable):
        return lengths(np.where(usable[..., None], pred, np.nan) - true, labelled)

    return blockwise(block, pred, true, valid, dimensions)


def root_distances(pred, true, valid=None, root: Root = 0) -> np.ndarray:
    """[N, 1] distances of the roots, without any alignment."""

    def block(pred, true, labelled, usable):
        moved = root_position(np.where(usable[..., None], pred, np.nan), root)
        return lengths(moved - root_position(true, root), all_of(labelled, root))

    return blockwise(block, pred, true, valid)


def procrustes_distances(pred, true, valid=None) -> np.ndarray:
    """[N, J] distances after each pose is aligned by rotation, translation and scale (no reflection)."""

    def block(pred, true, labelled, usable):
        moved, _ = procrustes_aligned(np.where(usable[..., None], pred, np.nan), true, usable)
        return lengths(moved - true, labelled)

    return blockwise(block, pred, true, valid)


def unaligned_poses(pred, true, valid=None) -> int:
    """How many labelled poses `procrustes_distances` leaves unaligned: too few joints, or all at one point."""

    def block(pred, true, labelled, usable):
        _, failed = procrustes_aligned(np.where(usable[..., None], pred, np.nan), true, usable)
        return (failed & labelled.any(axis=1))[:, None]

    return int(blockwise(block, pred, true, valid).sum())


def scaled_distances(pred, true, valid=None, root: Root = 0) -> np.ndarray:
    """[N, J] distances after root alignment and scaling."""

    def block(pred, true, labelled, usable):
        pred = np.where(usable[..., None], pred, np.nan)
        moved = scale_aligned(pred, true, root, usable & all_of(usable, root))
        return lengths(moved - root_centred(true, root), labelled & all_of(labelled, root))

    return blockwise(block, pred, true, valid)


def mean_relative_distances(pred, true, valid=None) -> np.ndarray:
    """[N, J] distances after both poses are moved to have the mean of their usable joints at the origin."""

    def block(pred, true, labelled, usable):
        difference = np.where(usable[..., None], pred - true, 0.0)
        mean = difference.sum(axis=1, keepdims=True) / np.maximum(usable.sum(axis=1), 1)[:, None, None]
        return lengths(np.where(usable[..., None], difference - mean, np.nan), labelled)

    return blockwise(block, pred, true, valid)


def blockwise(block: Callable, pred, true, valid, dimensions: int = 3) -> np.ndarray:
    """Joins what `block(pred, true, labelled, usable)` gives for consecutive poses.

    Within a block, pred and true are float64 [n, J, dimensions], labelled and usable (labelled and predicted)
    are [n, J] bool.
    """
    pred, true = np.asarray(pred), np.asarray(true)
    if pred.shape != true.shape or pred.ndim != 3 or pred.shape[-1] != dimensions:
        expected = f"[N, J, {dimensions}]"
        raise ValueError(f"pred has shape {pred.shape} and true {true.shape}, expected both {expected}")
    if valid is not None and np.shape(valid) != true.shape[:2]:
        raise ValueError(f"valid has shape {np.shape(valid)}, expected {true.shape[:2]}")
    parts = []
    for rows in blocks(len(pred), pred.shape[1]):
        p, g = pred[rows].astype(np.float64, copy=False), true[rows].astype(np.float64, copy=False)
        labelled = _all_finite(g)
        if valid is not None:
            labelled &= np.asarray(valid[rows], bool)
        with np.errstate(invalid="ignore", over="ignore"):  # missing joints are inf or NaN
            parts.append(block(p, g, labelled, labelled & _all_finite(p)))
    return np.concatenate(parts)


def blocks(n_poses: int, n_joints: int) -> Iterator[slice]:
    """Consecutive poses, a block of joints at a time; one empty block if there are no poses."""
    size = max(1, BLOCK // max(1, n_joints))
    for start in range(0, max(1, n_poses), size):
        yield slice(start, start + size)


def lengths(difference: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """[n, J, d] differences to [n, J] distances: NaN if not labelled, inf if labelled and not finite."""
    distances = np.linalg.norm(difference, axis=-1)
    return np.where(labelled, np.where(np.isfinite(distances), distances, np.inf), np.nan)


def all_of(mask: np.ndarray, root: Root) -> np.ndarray:
    """[n, J] -> [n, 1]: poses in which every joint of the root is marked."""
    return mask[:, np.atleast_1d(root)].all(axis=1, keepdims=True)


def _all_finite(points: np.ndarray) -> np.ndarray:
    """[n, J, d] -> [n, J]; a reduction over so short an axis would be slow."""
    finite = np.isfinite(points)
    marked = finite[..., 0].copy(order="K")  # the memory order of the points, so that sums stay in theirs
    for i in range(1, points.shape[-1]):
        marked &= finite[..., i]
    return marked
