"""How good an autoencoder is: figures on held-out poses."""

import numpy as np

from affine_combining.weights import AcaeWeights

MM_PER_M = 1000.0
NEGLIGIBLE_WEIGHT = 1e-3


def quality(weights: AcaeWeights, poses: np.ndarray, loss: str = "projected") -> dict[str, float]:
    """Figures of one autoencoder on poses [n, J, 3], mm, absolute camera frame.

    Returns:
        main_loss: the mean absolute reconstruction error, metres ("projected": on the image plane; "metric").
        pck_1cm, pck_2cm: percent of joints whose image-plane error, at the person's distance, is below that.
        error_3d_mm: mean distance between a joint and its reconstruction.
        negative_mass: how much negative weight an output point has on average, encoder and decoder together.
        n_used_1, n_used_2: mean number of inputs that count (|weight| > 0.001) in an output of w1, of w2.

    Source: autoencoder sheet, sections 2 and 7.
    """
    w1, w2 = (w.astype(np.float64) for w in (weights.w1, weights.w2))
    joints = poses.astype(np.float64)
    reconstructed = ((joints.swapaxes(1, 2) @ w1) @ w2).swapaxes(1, 2)
    mean_depth = joints[..., 2:].mean(axis=-2, keepdims=True)
    plane = _splat(joints, mean_depth) - _splat(reconstructed, mean_depth)
    plane_distance = np.linalg.norm(plane, axis=-1)
    error = joints - reconstructed
    return {
        "main_loss": float(np.abs(plane).mean() if loss == "projected" else np.abs(error).mean() / MM_PER_M),
        "pck_1cm": 100.0 * float((plane_distance < 0.01).mean()),
        "pck_2cm": 100.0 * float((plane_distance < 0.02).mean()),
        "error_3d_mm": float(np.linalg.norm(error, axis=-1).mean()),
        "negative_mass": float(np.mean([np.maximum(-w, 0).sum(axis=0).mean() for w in (w1, w2)])),
        "n_used_1": float((np.abs(w1) > NEGLIGIBLE_WEIGHT).sum(axis=0).mean()),
        "n_used_2": float((np.abs(w2) > NEGLIGIBLE_WEIGHT).sum(axis=0).mean()),
    }


def _splat(points: np.ndarray, mean_depth: np.ndarray) -> np.ndarray:
    return points[..., :2] / points[..., 2:] * (mean_depth / MM_PER_M)
