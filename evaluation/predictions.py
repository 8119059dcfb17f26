"""Predictions of a store: which rows and columns of a file are a test set's examples and joints."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.joint_columns import PredictionWarning
from evaluation.prediction_file import PredictionError, open_predictions
from evaluation.truth import Truth
from posepile import skeletons

MAX_LISTED = 5


@dataclass(frozen=True, eq=False)
class StorePredictions:
    """What a prediction file holds that was written for a store."""

    path: str
    keys: tuple[str, ...]
    poses: np.ndarray
    """[N, J, 3] mm, crop camera frame."""
    world: np.ndarray
    """[N, J, 3] mm, world frame."""
    joint_names: tuple[str, ...]
    meta: dict


def read_predictions(path: str | Path) -> StorePredictions:
    """Reads a prediction file with key, poses, coords3d_pred_world and joint_names (.npz or .h5) into memory.

    Raises PredictionError, which names file and field, or OSError.
    """
    file = open_predictions(path)
    for name in ("poses", "coords3d_pred_world"):
        if name not in file.arrays:
            raise PredictionError(f"{path}: field {name!r} is missing; it has {', '.join(file.arrays)}")
    if file.joint_names is None:
        raise PredictionError(f"{path}: field 'joint_names' is missing")
    rows = np.arange(len(file))
    return StorePredictions(
        path=str(path),
        keys=tuple(name.decode() for name in file.names.tolist()),
        poses=file.read("poses", rows),
        world=file.read("coords3d_pred_world", rows),
        joint_names=file.joint_names,
        meta=file.meta,
    )


def select(
    file: StorePredictions, truth: Truth, joint_names: Sequence[str], allow_missing: bool = False
) -> StorePredictions:
    """The predictions of a test set's examples and of the given union joints, in their orders.

    A file of merged joints (no name has a format's suffix) gives each joint that of equal base name.
    Raises PredictionError for keys that are repeated or unknown, joints that are not predicted, and examples that are
    missing or have values that are not finite; with `allow_missing` the latter are NaN, and warned of.
    """
    rows, columns = _match_keys(file, truth, allow_missing), _match_joints(file, joint_names)
    nothing = np.full((1, *file.poses.shape[1:]), np.nan)  # row -1
    poses, world = (
        np.concatenate([points, nothing])[rows][:, columns] for points in (file.poses, file.world)
    )
    found = StorePredictions(file.path, truth.keys, poses, world, tuple(joint_names), file.meta)
    _check_complete(found, rows, allow_missing)
    return found


def _check_complete(file: StorePredictions, rows: np.ndarray, allow_missing: bool) -> None:
    problems = []
    if (rows < 0).any():
        missing = [file.keys[i] for i in np.flatnonzero(rows < 0)]
        problems.append(f"{len(missing)} examples have no row: {_some(missing)}")
    for name, points in (("coords3d_pred_world", file.world), ("poses", file.poses)):
        bad = np.flatnonzero((rows >= 0) & ~np.isfinite(points).all(axis=(1, 2)))
        if len(bad):
            listed = _some([file.keys[i] for i in bad])
            problems.append(f"{name!r} is not finite (NaN or infinite) for {len(bad)} examples: {listed}")
    if not problems:
        return
    text = f"{file.path}: {'; '.join(problems)}"
    if not allow_missing:
        raise PredictionError(
            f"{text}; with --allow-missing they count as wrong, and are left out of mean errors"
        )
    warnings.warn(text, PredictionWarning, stacklevel=3)


def _match_keys(file: StorePredictions, truth: Truth, allow_missing: bool) -> np.ndarray:
    """[N] the file's row of each example of the test set; -1 where there is none, if that is allowed."""
    row = {key: i for i, key in enumerate(file.keys)}
    known = set(truth.keys)
    problems = {
        "repeated": sorted(key for key in row if file.keys.count(key) > 1)
        if len(row) < len(file.keys)
        else [],
        "missing": [] if allow_missing else [key for key in truth.keys if key not in row],
        "unknown": [key for key in row if key not in known],
    }
    if any(problems.values()):
        found = "; ".join(f"{len(keys)} {what}: {_some(keys)}" for what, keys in problems.items() if keys)
        raise PredictionError(f"{file.path}: keys do not match those of {truth.source}: {found}")
    return np.array([row.get(key, -1) for key in truth.keys])


def _match_joints(file: StorePredictions, wanted: Sequence[str]) -> list[int]:
    """The file's column of each union name."""
    place = {name: i for i, name in enumerate(file.joint_names)}
    base = {
        u: b
        for f in map(skeletons.load, skeletons.FORMATS)
        for u, b in zip(f.union_names, f.joints, strict=True)
    }
    unsuffixed = all(base.get(name, name) == name for name in file.joint_names)
    is_merged = unsuffixed and not set(file.joint_names) <= set(base)  # else they are SMPL's own
    names = [base[name] if is_merged else name for name in wanted]
    missing = [name for name in dict.fromkeys(names) if name not in place]
    if missing:
        raise PredictionError(f"{file.path}: {len(missing)} joints are not predicted: {_some(missing)}")
    return [place[name] for name in names]


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return ", ".join(names[:MAX_LISTED]) + more
