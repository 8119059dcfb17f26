"""Prediction files for tests of benchmarks."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from evaluation.prediction_writer import PredictionWriter
from evaluation.protocols import Labelled, Protocol


def write_predictions(
    path: Path,
    protocol: Protocol,
    root: Path,
    change: Callable[[Labelled, np.ndarray], np.ndarray] = lambda labelled, poses: poses,
    joint_names=None,
    meta=None,
) -> Path:
    """Predicts what `change` makes of the truth [n, J, 3] of each sequence, in its world."""
    with PredictionWriter(path, joint_names or protocol.skeleton.union_names, meta) as writer:
        for labelled in protocol.labelled(root):
            poses = change(labelled, labelled.joints.copy())
            writer.append(labelled.image_paths, coords3d_pred_world=poses)
    return path


def moved(joint: int, by: float, rows=slice(None)) -> Callable[[Labelled, np.ndarray], np.ndarray]:
    """One joint off along x by so many mm."""

    def change(labelled: Labelled, poses: np.ndarray) -> np.ndarray:
        poses[rows, joint, 0] += by
        return poses

    return change
