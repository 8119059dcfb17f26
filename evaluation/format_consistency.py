"""How far the skeleton formats in one prediction file agree, without any truth: pairs of joints, bones, latent points.

A network that predicts all formats at once has seen no image labelled in two of them. Three figures tell whether it
still means one person by them:

- **pairs**: the same landmark in two formats (left hip of h36m and of coco). The formats may define it a little
  differently, so what counts is not the offset but how much it varies from image to image, in depth and across.
- **bones**: the same limb in all formats. How its length varies over formats, and how much of that is not a constant
  difference of the formats.
- **latent points**: what an autoencoder that knows how formats hang together cannot explain of a pose.

Poses stream through; only sums are kept. Source: evaluation sheet, section 6 (C1, C2).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.predictions import PredictionError
from posepile import skeletons

LANDMARKS = tuple(side + name for side in "lr" for name in ("sho", "elb", "wri", "hip", "kne", "ank"))
"""Points that every format has; "head", "neck" and the like are other points in other formats."""
BONES = tuple(
    (side + a, side + b)
    for side in "lr"
    for a, b in (("sho", "elb"), ("elb", "wri"), ("hip", "kne"), ("kne", "ank"))
)


@dataclass(frozen=True, eq=False)
class Latents:
    """An affine-combining autoencoder: columns of w1 [J, L] and w2 [L, J] sum to one; joint_names [J]."""

    w1: np.ndarray
    w2: np.ndarray
    joint_names: tuple[str, ...]


class FormatConsistency:
    """Collects poses; `result` tells. Joints that belong to no format are not looked at.

    joint_names: [J], names of the union ("lhip_h36m"; SMPL's "lhip" or "lhip_smpl"). Raises PredictionError unless two
    formats are there, or for latents of joints that are not.
    """

    def __init__(self, joint_names: Sequence[str], latents: Latents | None = None):
        place = {name: i for i, name in enumerate(joint_names)}
        self._formats = _columns_by_format(place)
        if len(self._formats) < 2:
            raise PredictionError(
                f"joints of {len(self._formats)} formats ({', '.join(self._formats) or 'none'}), expected at least two"
            )
        self._pairs = _Pairs(self._formats)
        self._bones = {bone: _Bone(self._formats, bone) for bone in BONES}
        self._latents = None if latents is None else _Residuals(place, self._formats, latents)
        self.n_poses = 0

    def add(self, poses: np.ndarray) -> None:
        """poses: [n, J, 3] mm, z along the line of sight, x and y across it; NaN where missing."""
        poses = np.asarray(poses, np.float64)
        self.n_poses += len(poses)
        self._pairs.add(poses)
        for bone in self._bones.values():
            bone.add(poses)
        if self._latents is not None:
            self._latents.add(poses)

    def result(self) -> dict[str, Any]:
        """Plain values, mm.

        poses, formats: how many poses, which formats.
        pairs: means over pairs of joints. distance, distance_depth, distance_plane: between the two, with their
            constant part; spread, spread_depth, spread_plane: standard deviation over images of the length, of the
            depth and (a coordinate) across; depth_to_plane: the ratio of the latter.
        bones.BONE: length; across_formats: standard deviation over formats, the mean over images; unsteady: standard
            deviation over images of a format's difference from all formats' mean, the mean over formats. bones.mean.
        latents: error, error_depth, error_plane over all joints, and by_format.FORMAT the same; null without any.
        """
        bones = {"-".join(bone): found.result() for bone, found in self._bones.items()}
        names = next(iter(bones.values()))
        bones["mean"] = {name: float(np.mean([bone[name] for bone in bones.values()])) for name in names}
        return {
            "poses": self.n_poses,
            "formats": list(self._formats),
            "pairs": self._pairs.result(),
            "bones": bones,
            "latents": None if self._latents is None else self._latents.result(),
        }


def along_line_of_sight(poses: np.ndarray) -> np.ndarray:
    """[n, J, 3] mm, camera frame, turned so that z leads to each pose's mean joint and x stays level."""
    poses = np.asarray(poses, np.float64)
    is_known = np.isfinite(poses).all(axis=-1, keepdims=True)
    count = np.maximum(is_known.sum(axis=1), 1)
    forward = _unit(np.where(is_known, poses, 0).sum(axis=1) / count)
    right = _unit(np.cross([0.0, 1, 0], forward))
    return poses @ np.stack([right, np.cross(forward, right), forward], axis=-1)


def load_latents(path: str | Path) -> Latents:
    """Reads what `dozens fit-acae` writes. Raises ValueError, which names file and field, or OSError."""
    try:
        with np.load(path, allow_pickle=False) as file:
            w1, w2 = (file[name].astype(np.float64) for name in ("w1", "w2"))
            names = tuple(file["joint_names"].tolist())
    except (KeyError, ValueError, EOFError, TypeError) as error:
        raise ValueError(f"{path}: not an autoencoder's weights (w1, w2, joint_names): {error}") from error
    if w1.shape != w2.shape[::-1] or len(w1) != len(names):
        raise ValueError(
            f"{path}: w1 has shape {w1.shape} and w2 {w2.shape}, expected [J, L] and [L, J] of {len(names)} joints"
        )
    return Latents(w1, w2, names)


class _Pairs:
    """Offsets between landmarks in two formats: of each pair the number and sums of size, x, y, z and their squares."""

    def __init__(self, formats: Mapping[str, Mapping[str, int]]):
        pairs = [
            (first[name], second[name])
            for first, second in combinations(formats.values(), 2)
            for name in LANDMARKS
            if name in first and name in second
        ]
        self._a, self._b = np.array(pairs, np.int64).reshape(-1, 2).T
        self._counts = np.zeros(len(pairs))
        self._sums, self._squares = np.zeros((2, len(pairs), 4))
        self._distances = np.zeros((len(pairs), 2))  # in depth, across

    def add(self, poses: np.ndarray) -> None:
        offsets = poses[:, self._a] - poses[:, self._b]  # [n, pairs, 3]
        is_known = np.isfinite(offsets).all(axis=-1)
        offsets = np.where(is_known[..., None], offsets, 0)
        values = np.concatenate([np.linalg.norm(offsets, axis=-1, keepdims=True), offsets], axis=-1)
        self._counts += is_known.sum(axis=0)
        self._sums += values.sum(axis=0)
        self._squares += np.square(values).sum(axis=0)
        self._distances[:, 0] += np.abs(offsets[..., 2]).sum(axis=0)
        self._distances[:, 1] += np.linalg.norm(offsets[..., :2], axis=-1).sum(axis=0)

    def result(self) -> dict[str, float | int]:
        used = self._counts > 0
        count = self._counts[used, None]
        means = self._sums[used] / count
        variances = np.maximum(self._squares[used] / count - np.square(means), 0)
        length, depth = (float(np.sqrt(variances[:, i]).mean()) if used.any() else np.nan for i in (0, 3))
        across = float(np.sqrt(variances[:, 1:3].mean(axis=1)).mean()) if used.any() else np.nan
        distances = (self._distances[used] / count).mean(axis=0) if used.any() else [np.nan] * 2
        return {
            "pairs": int(used.sum()),
            "distance": float(means[:, 0].mean()) if used.any() else np.nan,
            "distance_depth": float(distances[0]),
            "distance_plane": float(distances[1]),
            "spread": length,
            "spread_depth": depth,
            "spread_plane": across,
            "depth_to_plane": depth / across if across > 0 else np.nan,
        }


class _Bone:
    """The length of one limb in all formats."""

    def __init__(self, formats: Mapping[str, Mapping[str, int]], bone: tuple[str, str]):
        ends = [
            (columns[bone[0]], columns[bone[1]]) for columns in formats.values() if set(bone) <= set(columns)
        ]
        self._a, self._b = np.array(ends, np.int64).reshape(-1, 2).T
        self._count, self._length, self._across = 0, 0.0, 0.0
        self._differences, self._squares = np.zeros((2, len(ends)))

    def add(self, poses: np.ndarray) -> None:
        lengths = np.linalg.norm(poses[:, self._a] - poses[:, self._b], axis=-1)  # [n, formats]
        lengths = lengths[np.isfinite(lengths).all(axis=1)]
        if not lengths.size:
            return
        differences = lengths - lengths.mean(axis=1, keepdims=True)
        self._count += len(lengths)
        self._length += lengths.mean(axis=1).sum()
        self._across += np.sqrt(np.square(differences).mean(axis=1)).sum()
        self._differences += differences.sum(axis=0)
        self._squares += np.square(differences).sum(axis=0)

    def result(self) -> dict[str, float]:
        if not self._count:
            return dict.fromkeys(("length", "across_formats", "unsteady"), np.nan)
        variances = self._squares / self._count - np.square(self._differences / self._count)
        return {
            "length": float(self._length / self._count),
            "across_formats": float(self._across / self._count),
            "unsteady": float(np.sqrt(np.maximum(variances, 0)).mean()),
        }


class _Residuals:
    """What is left of poses after they went through the latent points."""

    def __init__(self, place: Mapping[str, int], formats: Mapping[str, Mapping[str, int]], latents: Latents):
        missing = [name for name in latents.joint_names if name not in place]
        if missing:
            raise PredictionError(
                f"{len(missing)} joints of the autoencoder are not predicted: {', '.join(missing[:5])}"
            )
        self._columns = np.array([place[name] for name in latents.joint_names])
        self._latents = latents
        format_of = {i: name for name, columns in formats.items() for i in columns.values()}
        self._of_format = np.array([format_of.get(int(i), "other") for i in self._columns])
        self._sums, self._count = np.zeros((len(self._columns), 3)), 0

    def add(self, poses: np.ndarray) -> None:
        poses = poses[:, self._columns]
        poses = poses[np.isfinite(poses).all(axis=(1, 2))]
        poses = poses - poses.mean(axis=1, keepdims=True)  # which changes nothing but the rounding
        through = np.einsum("njc,jl,lk->nkc", poses, self._latents.w1, self._latents.w2, optimize=True)
        left = poses - through
        sizes = np.linalg.norm(left, axis=-1), np.abs(left[..., 2]), np.linalg.norm(left[..., :2], axis=-1)
        self._sums += np.stack([size.sum(axis=0) for size in sizes], axis=-1)
        self._count += len(poses)

    def result(self) -> dict[str, Any]:
        names = ("error", "error_depth", "error_plane")
        means = self._sums / self._count if self._count else np.full_like(self._sums, np.nan)
        found: dict[str, Any] = dict(zip(names, means.mean(axis=0).tolist(), strict=True))
        found["by_format"] = {
            name: dict(zip(names, means[self._of_format == name].mean(axis=0).tolist(), strict=True))
            for name in dict.fromkeys(self._of_format.tolist())
        }
        return found


def _columns_by_format(place: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Format -> its own joint names -> columns, of the formats that are there."""
    found: dict[str, dict[str, int]] = {}
    for name in skeletons.FORMATS:
        skeleton = skeletons.load(name)
        for base, union in zip(skeleton.base_names, skeleton.union_names, strict=True):
            for spelling in (union, f"{base}_{name}"):
                if spelling in place:
                    found.setdefault(name, {})[base] = place[spelling]
    return found


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
