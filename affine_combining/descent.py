"""Fast training of an autoencoder: a start at well-chosen joints, descent on moments, polish on poses.

All arrays lie as [left | right | centre], joints and latents; mirroring is kept by averaging gradients.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from affine_combining.moments import Moments, loss_and_gradients, moments_of, robust_weights

Gradients = tuple[float, np.ndarray, np.ndarray]
"""Reconstruction loss and its derivatives by w1 and w2."""

STARTS = 8
"""Choices of starting joints; after the first part of the descent only the best goes on."""
PART, PARTS, RATES = 500, 6, (1e-2, 2e-4)
"""Descent on moments: steps of a part; first and last learning rate, for columns that sum to START_SUM."""
POLISH_STEPS, POLISH_RATES, POLISH_BATCH = 300, (1e-3, 5e-5), 256
START_SUM = 10.0
NEAR_M = 0.04
"""Joints so near to a latent (root mean square of a coordinate) start as its followers."""
BETAS = (0.9, 0.99)
EPSILON = 1e-7


@dataclass(frozen=True)
class Shape:
    """How many joints and latents there are. Without chirality: pairs (0, 0)."""

    pairs: tuple[int, int]
    """Left (and right) joints, and latents."""
    centres: tuple[int, int]
    """Centre joints, and latents."""

    @property
    def mirrors(self) -> tuple[np.ndarray, np.ndarray]:
        """Partner of each joint, and of each latent."""
        return tuple(
            np.r_[p : 2 * p, 0:p, 2 * p : 2 * p + c] for p, c in zip(self.pairs, self.centres, strict=True)
        )


class Descent:
    """Raw weights of one autoencoder, [J, L] and [L, J], whose columns are divided by their sums in use.

    Args:
        raw1, raw2: initial values, alike under mirroring.
        shape: gives the mirror maps.
        sparsity: factor of mean|w1| + mean|w2|.
    """

    def __init__(self, raw1: np.ndarray, raw2: np.ndarray, shape: Shape, sparsity: float):
        self.raw = [raw1.astype(np.float32), raw2.astype(np.float32)]
        self.sparsity = sparsity
        joints, latents = shape.mirrors
        self._mirrors = np.ix_(joints, latents), np.ix_(latents, joints)

    @property
    def weights(self) -> list[np.ndarray]:
        """w1, w2: every column sums to one."""
        return [raw / raw.sum(axis=0) for raw in self.raw]

    def run(
        self,
        gradients: Callable[[int, np.ndarray, np.ndarray], Gradients],
        steps: int,
        rates: tuple[float, float],
    ) -> float:
        """Takes steps of Adam, whose rate falls exponentially from the first to the last; returns the last loss.

        Args:
            gradients: (step, w1, w2) -> the reconstruction loss and its derivatives.
        """
        first, second = ([np.zeros_like(raw) for raw in self.raw] for _ in range(2))
        total = np.nan
        for step in range(steps):
            weights = self.weights
            loss, *by_weights = gradients(step, *weights)
            total = loss + self.sparsity * float(sum(np.abs(w).mean() for w in weights))
            rate = rates[0] * (rates[1] / rates[0]) ** (step / steps)
            rate *= np.sqrt(1 - BETAS[1] ** (step + 1)) / (1 - BETAS[0] ** (step + 1))
            for raw, w, g, mirror, m, v in zip(
                self.raw, weights, by_weights, self._mirrors, first, second, strict=True
            ):
                g += np.sign(w) * np.float32(self.sparsity / w.size)
                g = (g - (g * w).sum(axis=0)) / raw.sum(axis=0)  # through the normalisation
                g = (g + g[mirror]) / 2
                m += (g - m) * np.float32(1 - BETAS[0])
                v += (g * g - v) * np.float32(1 - BETAS[1])
                raw -= np.float32(rate) * m / (np.sqrt(v) + np.float32(EPSILON))
        if not np.isfinite(total):
            raise ValueError(f"the autoencoder's loss is {total} after {steps} steps")
        return total


def train(
    moments: Moments,
    poses: np.ndarray,
    shape: Shape,
    sparsity: float,
    seed: int,
    loss: Literal["projected", "metric"] = "projected",
    record: Callable[[int, float, list[np.ndarray]], None] = lambda step, total, weights: None,
) -> list[np.ndarray]:
    """Trains one autoencoder.

    Args:
        moments: of the training poses.
        poses: [n, 3, J] mm, training poses for the polish.
        shape: sides of joints and latents.
        sparsity: factor of mean|w1| + mean|w2|.
        seed: of the choice of starting joints and of batches.
        loss: which coordinates count.
        record: called as (step, loss, [w1, w2]) after every part of the training.

    Returns:
        [w1 [J, L], w2 [L, J]].
    """
    rng = np.random.default_rng([seed, 2])

    def from_poses(step, w1, w2):
        rows = np.sort(rng.integers(len(poses), size=min(POLISH_BATCH, len(poses))))
        return loss_and_gradients(poses[rows], w1, w2, moments.joint_weights, loss)

    starts = [
        Descent(*starting_weights(moments.products, shape, rng), shape, sparsity) for _ in range(STARTS)
    ]
    rates = RATES[0] * (RATES[1] / RATES[0]) ** (np.arange(PARTS + 1) / PARTS)
    totals = [start.run(_from(moments), PART, (rates[0], rates[1])) for start in starts]
    best, total = starts[int(np.argmin(totals))], min(totals)
    record(PART, total, best.weights)
    moments = moments_of(poses, moments.joint_weights, loss, robust_weights(poses, *best.weights, loss))
    for i in range(1, PARTS):
        total = best.run(_from(moments), PART, (rates[i], rates[i + 1]))
        record(PART * (i + 1), total, best.weights)
    total = best.run(from_poses, POLISH_STEPS, POLISH_RATES)
    record(PART * PARTS + POLISH_STEPS, total, best.weights)
    return best.weights


def _from(moments: Moments) -> Callable[[int, np.ndarray, np.ndarray], Gradients]:
    return lambda step, w1, w2: moments.loss_and_gradients(w1, w2)


def starting_weights(
    products: np.ndarray, shape: Shape, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Raw weights to start from: every latent at a joint, every joint at the latents near it.

    Joints are chosen greedily, each the one that those before it explain worst (the pivots of a Cholesky
    factorisation of `products`, [J, J] m^2), a left one with its mirror. Chance decides between nearly equal
    ones, so that seeds differ.
    """
    n_joints, n_latents = len(products), 2 * shape.pairs[1] + shape.centres[1]
    raw1 = rng.uniform(0, 1e-3, (n_joints, n_latents))  # two latents at the same joint must not stay equal
    half = shape.pairs[1]
    sided, centres = _chosen_joints(products, shape, rng)
    mirror, latent_mirror = shape.mirrors
    for latent, joint in enumerate(sided):
        raw1[joint, latent] += START_SUM
    for latent, joint in enumerate(centres, start=2 * half):
        raw1[joint, latent] += 2 * START_SUM
    raw1[:, half : 2 * half] = raw1[mirror][:, :half]
    raw1[:, 2 * half :] = (raw1 + raw1[mirror])[:, 2 * half :] / 2
    w1 = raw1 / raw1.sum(axis=0)
    spread = products @ w1
    squared = np.diag(products)[:, None] - 2 * spread + (w1 * spread).sum(axis=0)  # [J, L] m^2
    raw2 = np.exp(-np.maximum(squared.T, 0) / (2 * NEAR_M**2)) * START_SUM / 2 + 0.02
    return raw1, (raw2 + raw2[np.ix_(latent_mirror, mirror)]) / 2


def _chosen_joints(
    products: np.ndarray, shape: Shape, rng: np.random.Generator
) -> tuple[list[int], list[int]]:
    """A joint for each left latent, and for each centre one (any joint, where there is no centre joint)."""
    n, mirror = shape.pairs[0], shape.mirrors[0]
    left = np.arange(len(products)) < n
    middle = np.arange(len(products)) >= 2 * n
    kinds = [
        (left if left.any() else middle, shape.pairs[1]),
        (middle if middle.any() else left, shape.centres[1]),
    ]
    left_over = products.astype(np.float64)
    chosen: tuple[list[int], list[int]] = ([], [])
    while any(len(joints) < count for joints, (_, count) in zip(chosen, kinds, strict=True)):
        open_kinds = [k for k in (0, 1) if len(chosen[k]) < kinds[k][1]]
        allowed = np.any([kinds[k][0] for k in open_kinds], axis=0)
        score = np.maximum(np.diag(left_over), 1e-12) * rng.lognormal(0, 0.2, len(products)) * allowed
        joint = int(np.argmax(score))
        kind = next(k for k in open_kinds if kinds[k][0][joint])
        chosen[kind].append(joint)
        for pivot in {joint, int(mirror[joint])}:
            if left_over[pivot, pivot] > 1e-9:
                left_over = left_over - np.outer(left_over[pivot], left_over[pivot]) / left_over[pivot, pivot]
    return chosen
