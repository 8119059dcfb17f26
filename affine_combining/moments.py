"""The autoencoder's loss from second moments of the poses: one small matrix in place of all poses.

A joint's reconstruction error is linear in the poses, so its variance follows from the matrix of products of
joint positions. For errors of a fixed shape, the mean absolute error is a constant times the standard
deviation. So the loss and its gradient cost a few products of [J, J] matrices, however many poses there are.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

MM_PER_M = 1000.0
MEAN_TO_DEVIATION = 0.8  # mean absolute value of a normal variable is sqrt(2 / pi) = 0.798 deviations
LEAST_VARIANCE = 1e-10  # m^2: a hundredth of a millimetre, so that a perfect joint has a gradient
CHUNK = 2000


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean products of joint positions, relative to the person's mean joint.

    Attributes:
        products: [J, J] float32, m^2: what the loss sees of a mean coordinate.
        joint_weights: [J] float32, mean 1.
    """

    products: np.ndarray
    joint_weights: np.ndarray

    def loss_and_gradients(self, w1: np.ndarray, w2: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Estimated reconstruction loss in metres, and its derivatives by w1 [J, L] and w2 [L, J].

        Columns of w1 and w2 sum to one; the derivatives are those of independent entries.
        """
        spread = self.products @ w1  # [J, L]
        latent_products = w1.T @ spread  # [L, L]
        seen = latent_products @ w2
        variance = np.diag(self.products) + ((seen - 2 * spread.T) * w2).sum(axis=0)
        deviation = np.sqrt(np.maximum(variance, LEAST_VARIANCE))
        share = self.joint_weights * np.float32(MEAN_TO_DEVIATION / len(deviation))
        by_variance = share / (2 * deviation)
        weighted = w2 * by_variance
        by_w1 = 2 * (spread @ (w2 @ weighted.T) - self.products @ weighted.T)
        by_w2 = 2 * (seen - spread.T) * by_variance
        return float(share @ deviation), by_w1, by_w2


def moments_of(
    poses: np.ndarray,
    joint_weights: np.ndarray,
    loss: Literal["projected", "metric"] = "projected",
    pose_weights: np.ndarray | None = None,
) -> Moments:
    """The moments of poses [n, 3, J], mm, camera frame.

    "metric": the mean of the three coordinates' products. "projected": an error in depth moves a joint's image
    by its slope, so positions are taken along the ray to the person's middle, as if seen from there, and what
    is left of the slope, which differs from joint to joint, counts depth with its mean square. `pose_weights`
    [n], of mean near 1, say how much each pose counts (`robust_weights`).
    """
    n, _, n_joints = poses.shape
    totals = np.zeros((3, n_joints, n_joints))
    slopes = 0.0
    for first in range(0, n, CHUNK):
        chunk = poses[first : first + CHUNK].astype(np.float32)
        middle = chunk.mean(axis=2, keepdims=True)
        chunk -= middle
        if loss == "projected":
            chunk[:, :2] -= middle[:, :2] / middle[:, 2:] * chunk[:, 2:]
            slopes += float(np.square(chunk[:, :2] / middle[:, 2:]).sum(dtype=np.float64))
        chunk /= MM_PER_M
        if pose_weights is not None:
            chunk *= np.sqrt(pose_weights[first : first + CHUNK, None, None], dtype=np.float32)
        for axis in range(3):
            totals[axis] += chunk[:, axis].T @ chunk[:, axis]
    if loss == "projected":
        total = (totals[0] + totals[1]) / 2 + totals[2] * slopes / (2 * n * n_joints)
    else:
        total = totals.mean(axis=0)
    return Moments((total / n).astype(np.float32), np.asarray(joint_weights, np.float32))


def robust_weights(
    poses: np.ndarray, w1: np.ndarray, w2: np.ndarray, loss: Literal["projected", "metric"] = "projected"
) -> np.ndarray:
    """[n] weights of poses [n, 3, J] with which squared errors pull like the errors' magnitudes.

    A pose's weight is inverse to its own mean error, so that a wild prediction counts as little as in the L1
    loss (iteratively reweighted least squares). Errors below half the median are as good as that.
    """
    errors = np.empty(len(poses))
    for first in range(0, len(poses), CHUNK):
        chunk = poses[first : first + CHUNK]
        back = ((chunk.reshape(-1, chunk.shape[2]) @ w1) @ w2).reshape(chunk.shape)
        if loss == "projected":
            chunk, back = (
                p[:, :2] / p[:, 2:] * chunk[:, 2].mean(axis=1)[:, None, None] for p in (chunk, back)
            )
        errors[first : first + CHUNK] = np.abs(chunk - back).mean(axis=(1, 2))
    errors = np.maximum(errors, max(np.median(errors) / 2, np.finfo(np.float32).tiny))
    return errors.mean() / errors


def loss_and_gradients(
    poses: np.ndarray,
    w1: np.ndarray,
    w2: np.ndarray,
    joint_weights: np.ndarray,
    loss: Literal["projected", "metric"] = "projected",
) -> tuple[float, np.ndarray, np.ndarray]:
    """The reconstruction loss of `affine_combining.autoencoder` on poses [B, 3, J], and its derivatives.

    Written out in NumPy: a step is so small that a framework would spend most of its time on itself.
    """
    n, _, n_joints = poses.shape
    flat = poses.reshape(-1, n_joints)
    latents = flat @ w1
    back = (latents @ w2).reshape(poses.shape)
    if loss == "projected":
        value, by_back = _projected(poses, back, joint_weights)
    else:
        share = joint_weights / np.float32(3 * n * n_joints * MM_PER_M)
        back -= poses
        value, by_back = float((np.abs(back) * share).sum()), np.sign(back) * share
    by_back = by_back.reshape(-1, n_joints)
    return value, flat.T @ (by_back @ w2.T), latents.T @ by_back


def _projected(poses: np.ndarray, back: np.ndarray, joint_weights: np.ndarray) -> tuple[float, np.ndarray]:
    """Loss and its derivative [B, 3, J] by the reconstruction."""
    n, _, n_joints = poses.shape
    depth = poses[:, 2].mean(axis=1)[:, None, None] / np.float32(MM_PER_M)  # [B, 1, 1] m
    share = depth * (joint_weights / np.float32(2 * n * n_joints))  # [B, 1, J]
    slope = back[:, :2] / back[:, 2:]
    error = slope - poses[:, :2] / poses[:, 2:]
    value = float((np.abs(error) * share).sum())
    share = share / back[:, 2:]
    gradient = np.empty_like(back)
    np.multiply(np.sign(error), share, out=gradient[:, :2])
    gradient[:, 2] = -(gradient[:, :2] * slope).sum(axis=1)
    return value, gradient
