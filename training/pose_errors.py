"""Errors of poses against labels as sums and counts, so that parts of a test set add up; for validation.

Source: training sheet, §14. (The benchmarks' own protocols are in the evaluation room.)
"""

import math
from collections.abc import Sequence

import numpy as np

WRISTS = ("lwri", "rwri")
PCK_MM = 150.0
WORST_FROM_MM = 50.0
"""The area under the curve of the poses' worst joints runs from here to PCK_MM."""

NAMES = (
    *("mean_relative", "absolute", "procrustes", "pck_150", "auc_150"),
    *("mean_relative_wrists", "pck_150_wrists", "auc_150_wrists", "ncps_150", "ncps_auc"),
)

Sums = dict[str, tuple[float, float]]
"""Name -> (sum, count)."""


def pose_error_sums(
    predicted: np.ndarray, labelled: np.ndarray, valid: np.ndarray, joint_names: Sequence[str]
) -> Sums:
    """Errors of a batch: predicted, labelled [B, J, 3] mm, valid [B, J] bool.

    Relative errors are after both poses are moved to the mean of the valid joints. Names:
        mean_relative, absolute, procrustes: mm, means over joints ("procrustes": after rotation, translation
            and scale);
        pck_150: share of joints with a relative error below 150 mm; auc_150: its mean over limits 0..150 mm;
        *_wrists: the same of the joints whose names start with lwri or rwri;
        ncps_150: share of poses whose worst joint is within 150 mm after Procrustes alignment;
        ncps_auc: the mean of that share over limits 50..150 mm.
    """
    is_wrist = np.array([name.startswith(WRISTS) for name in joint_names])
    sums: dict[str, list[float]] = {}

    def add(name: str, values: np.ndarray) -> None:
        total, count = sums.setdefault(name, [0.0, 0.0])
        sums[name] = [total + float(np.sum(values)), count + np.size(values)]

    for pose, label, used in zip(
        np.asarray(predicted, np.float64), np.asarray(labelled, np.float64), valid, strict=True
    ):
        if not used.any():
            continue
        pose, label, wrists = pose[used], label[used], is_wrist[used]
        relative = _distances(pose - pose.mean(axis=0), label - label.mean(axis=0))
        aligned = _distances(similarity_aligned(pose, label), label)
        add("mean_relative", relative)
        add("absolute", _distances(pose, label))
        add("procrustes", aligned)
        for suffix, errors in (("", relative), ("_wrists", relative[wrists])):
            add(f"pck_150{suffix}", errors < PCK_MM)
            add(f"auc_150{suffix}", np.clip(1 - errors / PCK_MM, 0, 1))
        add("mean_relative_wrists", relative[wrists])
        worst = aligned.max()
        add("ncps_150", worst < PCK_MM)
        add("ncps_auc", np.clip((PCK_MM - worst) / (PCK_MM - WORST_FROM_MM), 0, 1))
    return {name: tuple(sums.get(name, (0.0, 0.0))) for name in NAMES}


def added(parts: Sequence[Sums]) -> Sums:
    """The sums and counts of several parts together."""
    return {name: tuple(np.sum([part[name] for part in parts], axis=0).tolist()) for name in parts[0]}


def means(sums: Sums) -> dict[str, float]:
    """What the sums say; NaN for a metric without a single value."""
    return {name: total / count if count else math.nan for name, (total, count) in sums.items()}


def similarity_aligned(pose: np.ndarray, target: np.ndarray) -> np.ndarray:
    """A pose [J, 3] turned, moved and scaled (not mirrored) to lie nearest to a target [J, 3]."""
    centre, target_centre = pose.mean(axis=0), target.mean(axis=0)
    a, b = pose - centre, target - target_centre
    u, singular, vt = np.linalg.svd(a.T @ b)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt)) or 1.0])
    spread = np.sum(a**2)
    scale = np.sum(singular * signs) / spread if spread > 0 else 0.0
    return scale * a @ (u * signs) @ vt + target_centre


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.linalg.norm(a - b, axis=-1)
