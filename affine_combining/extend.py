"""Joints of an unseen skeleton as affine combinations of an autoencoder's latent points."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affine_combining.lasso import affine_lasso
from affine_combining.weights import AcaeWeights, AcaeWeightsError, check_names

PENALTY = 0.1 * 32
"""Over the number of latents: the penalty of the lasso."""
LARGEST_ERROR = 0.8
"""50 px of a person's box of 256 px, in standard deviations of the labels' heights in the image."""


@dataclass(frozen=True, eq=False)
class AddedJoints:
    """New joints from the joints of a skeleton: `new = einsum("...jc,jk->...kc", joints, matrix)`."""

    matrix: np.ndarray
    """[J, K] float32, every column sums to one: w1 times the coefficients of the latents."""
    coefficients: np.ndarray
    """[L, K] float32, every column sums to one."""
    joint_names: tuple[str, ...]
    """[J] the joints that come in."""
    new_names: tuple[str, ...]
    """[K]."""

    def __call__(self, joints: np.ndarray) -> np.ndarray:
        """[..., J, 3] joints -> [..., K, 3] new joints, same unit and frame."""
        return np.einsum("...jc,jk->...kc", joints, self.matrix)

    def check_joints(self, joint_names: Sequence[str]) -> None:
        """Raises JointMismatchError, which lists names, unless these are the joints that come in, in order."""
        check_names(self.joint_names, joint_names)

    def save(self, path: str | Path) -> None:
        """Writes an .npz file: matrix, coefficients, joint_names, new_names."""
        with open(path, "wb") as file:
            np.savez(
                file,
                matrix=self.matrix,
                coefficients=self.coefficients,
                joint_names=np.array(self.joint_names, np.str_),
                new_names=np.array(self.new_names, np.str_),
            )

    @classmethod
    def load(cls, path: str | Path) -> "AddedJoints":
        """Reads what `save` wrote. Raises AcaeWeightsError, which names the file, or OSError."""
        try:
            with np.load(path, allow_pickle=False) as file:
                names = (tuple(file[key].tolist()) for key in ("joint_names", "new_names"))
                added = cls(file["matrix"], file["coefficients"], *names)
        except (ValueError, EOFError, KeyError) as error:
            raise AcaeWeightsError(f"{path}: not a file of added joints: {error}") from error
        shape = (len(added.joint_names), len(added.new_names))
        if added.matrix.shape != shape:
            raise AcaeWeightsError(f"{path}: matrix has shape {added.matrix.shape}, expected {shape}")
        return added


def add_joints(
    weights: AcaeWeights,
    poses: np.ndarray,
    labels: np.ndarray,
    new_names: Sequence[str],
    largest_error: float = LARGEST_ERROR,
) -> tuple[AddedJoints, int]:
    """Finds the new joints by affine lasso on the image plane: the depth of predictions is less reliable.

    Solves twice, the second time without the poses in which a joint is off by more than `largest_error`.

    Args:
        weights: the autoencoder.
        poses: [n, J, 3] mm, predictions of all its joints, camera frame.
        labels: [n, K, 2] image points (x/z, y/z) of the new joints in the same camera; NaN where unlabelled.
        new_names: [K].
        largest_error: in standard deviations of the heights of a pose's labels; infinity keeps all.

    Returns:
        The new joints, and how many poses the second solution left out.

    Raises ValueError if shapes do not fit, or a joint has too few labels.

    Source: autoencoder sheet, section 10.
    """
    if (
        poses.ndim != 3
        or poses.shape[1] != weights.n_joints
        or labels.shape != (len(poses), len(new_names), 2)
    ):
        raise ValueError(
            f"poses have shape {poses.shape} and labels {labels.shape}, expected [n, {weights.n_joints}, 3] and "
            f"[n, {len(new_names)}, 2]"
        )
    latents = weights.encode(poses.astype(np.float64))
    inputs, targets = _normalised(latents[..., :2] / latents[..., 2:], labels.astype(np.float64))
    coefficients = _solve(inputs, targets, new_names)
    error = np.linalg.norm(_apply(inputs, coefficients) - targets, axis=-1)  # [n, K]
    kept = ~(error > largest_error).any(axis=1)  # NaN does not count
    if not kept.any():
        raise ValueError(f"no pose is left: all have an error above {largest_error:g}; the labels do not fit")
    if not kept.all():
        coefficients = _solve(inputs[kept], targets[kept], new_names)
    added = AddedJoints(
        (weights.w1.astype(np.float64) @ coefficients).astype(np.float32),
        coefficients.astype(np.float32),
        weights.joint_names,
        tuple(new_names),
    )
    return added, int((~kept).sum())


def _normalised(inputs: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both about the mean of a pose's labels, in units of the standard deviation of their heights."""
    labelled = np.isfinite(labels).all(axis=-1)
    usable = (labelled.sum(axis=1) >= 2) & np.isfinite(inputs).all(axis=(1, 2))
    inputs, labels, labelled = inputs[usable], labels[usable], labelled[usable]
    labels = np.where(labelled[..., None], labels, np.nan)
    middle = np.nanmean(labels, axis=1, keepdims=True)
    height = np.nanstd(labels[..., 1], axis=1)[:, None, None]
    flat = height[:, 0, 0] > 0  # labels at one height have no scale
    return ((inputs - middle) / height)[flat], ((labels - middle) / height)[flat]


def _solve(inputs: np.ndarray, targets: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """[L, K] coefficients; inputs [n, L, 2], targets [n, K, 2] with NaN where unlabelled."""
    n_latents = inputs.shape[1]
    columns = []
    for k, name in enumerate(names):
        labelled = np.isfinite(targets[:, k, 0])
        rows = inputs[labelled].swapaxes(1, 2).reshape(-1, n_latents)  # both coordinates of every pose
        if len(rows) < 2:
            raise ValueError(f"joint {name!r} has no label in a usable pose, expected at least one")
        products, target = rows.T @ rows / len(rows), rows.T @ targets[labelled, k].reshape(-1) / len(rows)
        columns.append(affine_lasso(products, target, PENALTY / n_latents))
    return np.stack(columns, axis=1)


def _apply(points: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    return np.einsum("nlc,lk->nkc", points, coefficients)
