"""`dozens extend-acae`: the joints of an unseen skeleton, from an autoencoder's latent points."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from affine_combining.commands import read_poses
from affine_combining.extend import LARGEST_ERROR, AddedJoints, add_joints
from affine_combining.fit import usable
from affine_combining.weights import AcaeWeights


@dataclass(frozen=True)
class ExtendAcae:
    """Find the joints of an unseen skeleton as affine combinations of an autoencoder's latent points."""

    acae: tyro.conf.Positional[Path]
    """The autoencoder's weights (.npz)."""
    poses: tyro.conf.Positional[Path]
    """Predicted poses (.npz): `poses` [n, J, 3] mm in the camera frame, `joint_names` [J]."""
    labels: tyro.conf.Positional[Path]
    """Labels of the same n images (.npz): `new_names` [K] and either `joints3d` [n, K, 3] mm in the same camera
    frame, or `joints2d` [n, K, 2] px and `intrinsics` [n, 3, 3]. NaN where unlabelled."""
    out: Path
    """File (.npz) to write: `matrix` [J, K], `coefficients` [L, K], `joint_names`, `new_names`."""
    largest_error: float = LARGEST_ERROR
    """A pose with a larger error is left out of the second solution, in standard deviations of the heights of
    a pose's labels in the image (0.8 is about 50 px of a person's box of 256 px); inf keeps all."""


def main(args: list[str]) -> int:
    """Runs the command; returns the exit code."""
    options = tyro.cli(ExtendAcae, args=args, prog="dozens extend-acae")
    weights = AcaeWeights.load(options.acae)
    poses, joint_names = read_poses(options.poses)
    weights.check_joints(joint_names)
    labels, new_names = read_labels(options.labels)
    if len(labels) != len(poses):
        raise ValueError(f"{options.labels}: labels of {len(labels)} images, expected {len(poses)}, as poses")
    rows = np.flatnonzero(usable(poses))
    added, n_left_out = add_joints(weights, poses[rows], labels[rows], new_names, options.largest_error)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    added.save(options.out)
    print(_report(added, len(rows) - n_left_out))
    print(f"{len(poses) - len(rows)} poses unusable, {n_left_out} with a large error left out: {options.out}")
    return 0


def read_labels(path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """Image points [n, K, 2] as x/z, y/z, and names. ValueError names file and field."""
    with np.load(path, allow_pickle=False) as file:
        fields = {key: file[key] for key in file.files}
    if "new_names" not in fields or not ("joints3d" in fields or {"joints2d", "intrinsics"} <= fields.keys()):
        raise ValueError(
            f"{path}: it has {', '.join(fields)}; expected new_names, and joints3d or joints2d and intrinsics"
        )
    names = tuple(fields["new_names"].tolist())
    points = fields["joints3d"] if "joints3d" in fields else fields["joints2d"]
    size = 3 if "joints3d" in fields else 2
    if points.ndim != 3 or points.shape[1:] != (len(names), size):
        raise ValueError(f"{path}: labels have shape {points.shape}, expected [n, {len(names)}, {size}]")
    if size == 3:
        return np.where(points[..., 2:] > 0, points[..., :2] / points[..., 2:], np.nan), names
    intrinsics = fields["intrinsics"]
    if intrinsics.shape != (len(points), 3, 3):
        raise ValueError(f"{path}: 'intrinsics' has shape {intrinsics.shape}, expected [{len(points)}, 3, 3]")
    rays = np.concatenate([points, np.ones_like(points[..., :1])], axis=-1)
    return (rays @ np.linalg.inv(intrinsics).swapaxes(1, 2))[..., :2], names


def _report(added: AddedJoints, n_poses: int) -> str:
    n_used = (added.coefficients != 0).sum(axis=0)
    lines = [f"{len(added.new_names)} joints from {n_poses} poses; latent points that make up each:"]
    lines += [f"  {name:20} {n}" for name, n in zip(added.new_names, n_used, strict=True)]
    return "\n".join(lines)
