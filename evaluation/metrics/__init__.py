"""Metrics of poses, in float64: one function a metric, from arrays `pred`, `true` [N, J, 3] and `valid` [N, J].

A metric of joints is a pooled mean over a matrix of distances [N, J], in which

- NaN means: this joint is not labelled; it counts nowhere;
- +inf means: labelled, but the prediction is missing (NaN, inf). It is wrong for PCK, AUC, CPS, NCPS and APCK,
  and left out of the mean errors; `coverage` tells how many there are.

Who needs several metrics computes the distances once (`distances`) and reduces them (`reductions`), as
`summary` does; who wants one metric calls it by its name (`poses`, `images`, `meshes`). The root joint itself
counts, its root-relative distance is 0: all published figures include it. A pose whose true root is not
labelled has no root-relative distances. Means are pooled over poses and joints; a mean over nothing is NaN.
`evaluation.bootstrap` gives intervals. Source: evaluation sheet, sections 1, 2 and 8.
"""

from evaluation.metrics.distances import (
    absolute_distances,
    mean_relative_distances,
    procrustes_distances,
    root_relative_distances,
    scaled_distances,
    unaligned_poses,
)
from evaluation.metrics.images import error_2d, oks_ap, pckh
from evaluation.metrics.meshes import (
    MPJAE_JOINTS,
    aligned_rotations,
    mpjae,
    mpjae_pa,
    mve,
    mve_pa,
    rotation_errors,
)
from evaluation.metrics.poses import (
    a_mpjpe,
    aauc,
    apck,
    auc,
    auc_3dhp,
    auc_3dpw,
    auc_3dpw_binned,
    cps,
    cps_auc,
    mpjpe,
    mrpe,
    n_mpjpe,
    ncps,
    ncps_auc,
    p_mpjpe,
    pck,
)
from evaluation.metrics.reductions import (
    area_under_curve,
    correct_joints,
    correct_poses,
    correct_poses_area,
    counted_errors,
    coverage,
    hits,
    mean_distance,
    nearness,
    nearness_3dhp,
    nearness_3dpw,
    nearness_3dpw_binned,
    pooled_mean,
    worst_joints,
)
from evaluation.metrics.summary import paper_summary, validation_summary

__all__ = [
    "MPJAE_JOINTS",
    "a_mpjpe",
    "aauc",
    "absolute_distances",
    "aligned_rotations",
    "apck",
    "area_under_curve",
    "auc",
    "auc_3dhp",
    "auc_3dpw",
    "auc_3dpw_binned",
    "correct_joints",
    "correct_poses",
    "correct_poses_area",
    "counted_errors",
    "coverage",
    "cps",
    "cps_auc",
    "error_2d",
    "hits",
    "mean_distance",
    "mean_relative_distances",
    "mpjae",
    "mpjae_pa",
    "mpjpe",
    "mrpe",
    "mve",
    "mve_pa",
    "n_mpjpe",
    "ncps",
    "ncps_auc",
    "nearness",
    "nearness_3dhp",
    "nearness_3dpw",
    "nearness_3dpw_binned",
    "oks_ap",
    "p_mpjpe",
    "paper_summary",
    "pck",
    "pckh",
    "pooled_mean",
    "procrustes_distances",
    "root_relative_distances",
    "rotation_errors",
    "scaled_distances",
    "unaligned_poses",
    "validation_summary",
    "worst_joints",
]
