"""Moves predicted poses onto true ones before they are compared: by the root, by scale, by a similarity.

Everything is float64. `usable` [N, J] marks joints that are labelled and predicted; only they decide the
motion, which then moves all joints of the pose.
"""

import numpy as np

MIN_JOINTS = 3  # fewer do not determine a rotation


def root_centred(points: np.ndarray, root: int) -> np.ndarray:
    """[N, J, 3] -> [N, J, 3], joint `root` at the origin; a pose whose root is NaN becomes all NaN."""
    points = np.asarray(points, np.float64)
    return points - points[:, root : root + 1]


def scale_aligned(pred: np.ndarray, true: np.ndarray, root: int, usable: np.ndarray) -> np.ndarray:
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


def procrustes_aligned(
    pred: np.ndarray, true: np.ndarray, usable: np.ndarray, with_scale: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Rotates, translates and scales each predicted pose to be nearest, in squares, to the true one.

    No reflection. A pose is left as it is when fewer than 3 joints are usable or the usable ones coincide.

    Args:
        pred, true: [N, J, 3] mm.
        usable: [N, J] bool.
        with_scale: False keeps the size.

    Returns:
        The moved prediction [N, J, 3], and [N] bool: the poses that could not be aligned.

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
    failed = (usable.sum(axis=1) < MIN_JOINTS) | coincide
    u, s, vt = np.linalg.svd(np.einsum("nji,njk->nik", p, g))
    sign = np.sign(np.linalg.det(u @ vt))
    flip = np.ones((len(p), 3))
    flip[:, 2] = np.where(sign == 0, 1.0, sign)
    rotation = (u * flip[:, None, :]) @ vt
    scale = (s * flip).sum(axis=1) / np.where(failed, 1.0, squares) if with_scale else np.ones(len(p))
    moved = scale[:, None, None] * (pred - mean_p) @ rotation + mean_g
    return np.where(failed[:, None, None], pred, moved), failed
