"""Rows of many metrics at once, from distances that are computed once."""

from collections.abc import Sequence

import numpy as np

from evaluation.alignment import Root
from evaluation.metrics.distances import (
    absolute_distances,
    mean_relative_distances,
    procrustes_distances,
    root_relative_distances,
)
from evaluation.metrics.reductions import (
    area_under_curve,
    correct_joints,
    correct_poses,
    correct_poses_area,
    hits,
    mean_distance,
    nearness,
    pooled_mean,
    worst_joints,
)

WRISTS = ("lwri", "rwri")


def paper_summary(pred, true, valid=None, root: Root = 0) -> dict[str, float]:
    """The 19 figures of the published summary line, in its order; mm and %.

    pred, true: [N, J, 3] mm; valid: [N, J]. Source: evaluation sheet, section 2.5.
    """
    relative = root_relative_distances(pred, true, valid, root)
    absolute = absolute_distances(pred, true, valid)
    return {
        "mpjpe": mean_distance(relative),
        "p_mpjpe": mean_distance(procrustes_distances(pred, true, valid)),
        "a_mpjpe": mean_distance(absolute),
        **{f"pck@{k}": correct_joints(relative, k) for k in (50, 100, 150)},
        **{f"auc@{k}": area_under_curve(relative, k) for k in (50, 100, 150)},
        **{f"cps@{t}": correct_poses(relative, t) for t in (100, 150, 200)},
        **{f"cps_auc@{t}": correct_poses_area(relative, t) for t in (100, 150, 200)},
        **{f"apck@{k}": correct_joints(absolute, k) for k in (150, 300)},
        **{f"aauc@{k}": area_under_curve(absolute, k) for k in (150, 300)},
    }


def validation_summary(pred, true, valid=None, joint_names: Sequence[str] = ()) -> dict[str, float]:
    """The figures watched while training: mean-relative, thresholds inclusive, fractions in place of %.

    Args:
        pred, true: [N, J, 3] mm, the whole validation set.
        joint_names: [J]; with them the wrists are scored too.

    Source: evaluation sheet, section 8.
    """
    relative = mean_relative_distances(pred, true, valid)
    aligned = procrustes_distances(pred, true, valid)
    worst = worst_joints(aligned)
    row = {
        "mean_error": mean_distance(relative),
        "mean_error_abs": mean_distance(absolute_distances(pred, true, valid)),
        "mean_error_procrustes": mean_distance(aligned),
        "mean_pck": pooled_mean(hits(relative, 150, inclusive=True)),
        "mean_auc": pooled_mean(nearness(relative, 150)),
        "ncps": pooled_mean(hits(worst, 150, inclusive=True)),
        "ncps_auc": pooled_mean(nearness(np.maximum(0, worst - 50), 100)),
    }
    wrists = [i for i, name in enumerate(joint_names) if any(wrist in name for wrist in WRISTS)]
    if wrists:
        row["wrist_pck"] = pooled_mean(hits(relative[:, wrists], 150, inclusive=True))
        row["wrist_auc"] = pooled_mean(nearness(relative[:, wrists], 150))
    return row
