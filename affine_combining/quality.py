"""How good an autoencoder is: figures on held-out poses."""

import numpy as np

from affine_combining.weights import AcaeWeights

MM_PER_M = 1000.0
NEGLIGIBLE_WEIGHT = 1e-3
CHUNK = 1000  # poses at a time


def quality(weights: AcaeWeights, poses: np.ndarray, loss: str = "projected") -> dict[str, float]:
    """Figures of one autoencoder on poses [n, J, 3], mm, absolute camera frame.

    Returns:
        main_loss: the mean absolute reconstruction error, metres ("projected": on the image plane; "metric").
        magnitude: mean|w1| + mean|w2|, which the sparsity factor multiplies in the loss.
        pck_1cm, pck_2cm: percent of joints whose image-plane error, at the person's distance, is below that.
        error_3d_mm: mean distance between a joint and its reconstruction.
        negative_mass: how much negative weight an output point has on average, encoder and decoder together.
        n_used_1, n_used_2: mean number of inputs that count (|weight| > 0.001) in an output of w1, of w2.

    Source: autoencoder sheet, sections 2 and 7.
    """
    w1, w2 = (w.astype(np.float64) for w in (weights.w1, weights.w2))
    parts = [_sums(poses[i : i + CHUNK], w1, w2, loss) for i in range(0, len(poses), CHUNK)]
    main_loss, below_1cm, below_2cm, error_3d = np.sum(parts, axis=0) / (len(poses) * weights.n_joints)
    return {
        "main_loss": float(main_loss),
        "magnitude": float(sum(np.abs(w).mean() for w in (w1, w2))),
        "pck_1cm": 100.0 * float(below_1cm),
        "pck_2cm": 100.0 * float(below_2cm),
        "error_3d_mm": float(error_3d),
        "negative_mass": float(np.mean([np.maximum(-w, 0).sum(axis=0).mean() for w in (w1, w2)])),
        "n_used_1": float((np.abs(w1) > NEGLIGIBLE_WEIGHT).sum(axis=0).mean()),
        "n_used_2": float((np.abs(w2) > NEGLIGIBLE_WEIGHT).sum(axis=0).mean()),
    }


def _sums(poses: np.ndarray, w1: np.ndarray, w2: np.ndarray, loss: str) -> list[float]:
    """Sums over poses and joints: the main loss, joints below 1 and 2 cm, distances."""
    joints = poses.astype(np.float64)
    reconstructed = ((joints.swapaxes(1, 2) @ w1) @ w2).swapaxes(1, 2)
    mean_depth = joints[..., 2:].mean(axis=-2, keepdims=True)
    plane = _splat(joints, mean_depth) - _splat(reconstructed, mean_depth)
    plane_distance = np.linalg.norm(plane, axis=-1)
    error = joints - reconstructed
    compared = plane if loss == "projected" else error / MM_PER_M
    return [
        np.abs(compared).mean(axis=-1).sum(),
        (plane_distance < 0.01).sum(),
        (plane_distance < 0.02).sum(),
        np.linalg.norm(error, axis=-1).sum(),
    ]


def _splat(points: np.ndarray, mean_depth: np.ndarray) -> np.ndarray:
    return points[..., :2] / points[..., 2:] * (mean_depth / MM_PER_M)
