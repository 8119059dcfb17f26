"""Moves predicted poses onto true ones before they are compared: by the root, by scale, by a similarity.

Everything is float64. `usable` [N, J] marks joints that are labelled and predicted; only they decide the
motion, which then moves all joints of the pose. A root is a joint, or several whose mean is the root (a format
without a pelvis is rooted between its hips).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MIN_JOINTS = 3  # fewer do not determine a rotation

Root = int | Sequence[int]


def root_position(points: np.ndarray, root: Root) -> np.ndarray:
    """[N, J, 3] -> [N, 1, 3]; NaN where a joint of the root is."""
    return np.asarray(points, np.float64)[:, np.atleast_1d(root)].mean(axis=1, keepdims=True)


def root_centred(points: np.ndarray, root: Root) -> np.ndarray:
    """[N, J, 3] -> [N, J, 3], the root at the origin; a pose whose root is NaN becomes all NaN."""
    points = np.asarray(points, np.float64)
    return points - root_position(points, root)


def scale_aligned(pred: np.ndarray, true: np.ndarray, root: Root, usable: np.ndarray) -> np.ndarray:
    """Root-centres `pred` and scales it, pose by pose, to be nearest to the root-centred `true`.

    Returns the moved prediction [N, J, 3], root at the origin; the scale is 1 where a prediction is zero.
    Source: evaluation sheet, section 2.3.
    """
    pred, true = root_centred(pred, root), root_centred(true, root)
    p, g = (np.where(usable[..., None], a, 0.0) for a in (pred, true))
    numerator, denominator = np.einsum("njc,njc->n", p, g), np.einsum("njc,njc->n", p, p)
    zero = ~(denominator > 0)
    scale = np.where(zero, 1.0, numerator / np.where(zero, 1.0, denominator))
    return pred * scale[:, None, None]


@dataclass(frozen=True, eq=False)
class Similarities:
    """A rotation, translation and scale for each of N poses, for row vectors."""

    scale: np.ndarray
    """[N]."""
    rotation: np.ndarray
    """[N, 3, 3], applied from the right; the identity where the fit failed."""
    mean_pred: np.ndarray
    """[N, 1, 3] of the usable joints, mm."""
    mean_true: np.ndarray
    """[N, 1, 3]."""
    failed: np.ndarray
    """[N] bool: fewer than 3 usable joints, or they coincide, or the numbers overflow."""

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Moves [N, K, 3] points of each pose; those of failed ones stay."""
        moved = self.scale[:, None, None] * (points - self.mean_pred) @ self.rotation + self.mean_true
        return np.where(self.failed[:, None, None], points, moved)


def fit_similarities(
    pred: np.ndarray, true: np.ndarray, usable: np.ndarray, with_scale: bool = True
) -> Similarities:
    """The motions that bring each predicted pose nearest, in squares, to the true one. No reflection.

    Args:
        pred, true: [N, J, 3] mm.
        usable: [N, J] bool.
        with_scale: False keeps the size.

    Source: evaluation sheet, section 2.2 (masked Procrustes analysis, row vectors).
    """
    pred, true = np.asarray(pred, np.float64), np.asarray(true, np.float64)
    weight = usable[..., None].astype(np.float64)  # [N, J, 1]
    count = np.maximum(weight.sum(axis=1, keepdims=True), 1.0)
    p, g = (np.where(usable[..., None], a, 0.0) for a in (pred, true))
    mean_p, mean_g = p.sum(axis=1, keepdims=True) / count, g.sum(axis=1, keepdims=True) / count  # [N, 1, 3]
    p, g = (p - mean_p) * weight, (g - mean_g) * weight

    squares = np.einsum("njc,njc->n", p, p)
    # Coinciding joints leave rounding errors of the mean, which must not be scaled up to a pose.
    coincide = squares <= 1e-24 * np.maximum(np.einsum("nic,nic->n", mean_p, mean_p) * count[:, 0, 0], 1e-300)
    products = np.einsum("nji,njk->nik", p, g)
    overflow = ~np.isfinite(products).all(axis=(1, 2)) | ~np.isfinite(squares)
    failed = (usable.sum(axis=1) < MIN_JOINTS) | coincide | overflow
    u, s, vt = np.linalg.svd(np.where(overflow[:, None, None], 0.0, products))
    flip = np.ones((len(p), 3))
    flip[:, 2] = np.where(_determinants(u) * _determinants(vt) < 0, -1.0, 1.0)
    rotation = np.where(failed[:, None, None], np.eye(3), (u * flip[:, None, :]) @ vt)
    scale = (s * flip).sum(axis=1) / np.where(failed, 1.0, squares) if with_scale else np.ones(len(p))
    return Similarities(scale, rotation, mean_p, mean_g, failed)


def procrustes_aligned(
    pred: np.ndarray, true: np.ndarray, usable: np.ndarray, with_scale: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Rotates, translates and scales each predicted pose to be nearest to the true one; see `fit_similarities`.

    Returns the moved prediction [N, J, 3], and [N] bool: the poses that could not be aligned, left as they are.
    """
    motions = fit_similarities(pred, true, usable, with_scale)
    return motions.apply(np.asarray(pred, np.float64)), motions.failed


def _determinants(matrices: np.ndarray) -> np.ndarray:
    """[N, 3, 3] -> [N], written out: several times faster than a factorisation of each."""
    a, b, c = (matrices[:, i] for i in range(3))
    return (
        a[:, 0] * (b[:, 1] * c[:, 2] - b[:, 2] * c[:, 1])
        - a[:, 1] * (b[:, 0] * c[:, 2] - b[:, 2] * c[:, 0])
        + a[:, 2] * (b[:, 0] * c[:, 1] - b[:, 1] * c[:, 0])
    )
