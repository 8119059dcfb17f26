"""Speed of the metrics on random data: all of them in one run, every named function by itself, and a loop.

    python benchmarks/metrics.py --poses 1000000

The goal is a million poses of 17 joints, all metrics, in less than 60 s on one core. One run computes each kind of
distances once and reduces them to all metrics, as the evaluation of a benchmark does; that it gives what the named
functions give is checked. The last line is JSON with seconds of processor time of one thread.
"""

import json
import math
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import tyro
from scipy.spatial.transform import Rotation

from evaluation import metrics
from evaluation.bootstrap import interval

ROTATIONS = 9
SEQUENCES = 100


@dataclass(frozen=True)
class Settings:
    """What is measured."""

    poses: int = 1_000_000
    joints: int = 17
    yardstick_poses: int = 2_000
    """The loop scores the first so many poses."""


def main(settings: Settings) -> dict:
    data = random_data(settings)
    started = time.process_time()
    together = all_metrics(data)
    seconds_together = time.process_time() - started
    print(f"{'all in one run':16} {seconds_together:8.3f} s")
    seconds = {}
    for name, metric in named_metrics(data).items():
        started = time.process_time()
        alone = metric()
        seconds[name] = time.process_time() - started
        print(f"{name:16} {seconds[name]:8.3f} s")
        if not math.isclose(alone, together[name], rel_tol=1e-9):
            raise RuntimeError(f"{name} is {alone}, in the run of all {together[name]}, expected the same")
    few = slice(settings.yardstick_poses)
    arguments = data.pred[few], data.true[few], data.valid[few]
    started = time.process_time()
    slow = slow_mpjpe(*arguments)
    loop = time.process_time() - started
    started = time.process_time()
    fast = metrics.mpjpe(*arguments)
    vectorised = time.process_time() - started
    if not math.isclose(fast, slow, rel_tol=1e-9):
        raise RuntimeError(f"the loop's MPJPE is {slow}, that of the metric {fast}, expected the same")
    return {
        "poses": settings.poses,
        "joints": settings.joints,
        "metrics": len(together),
        "cpu_seconds_one_run": round(seconds_together, 3),
        "cpu_seconds_one_by_one": round(sum(seconds.values()), 3),
        "cpu_seconds_by_metric": {name: round(value, 4) for name, value in seconds.items()},
        "yardstick_poses": len(arguments[0]),
        "mpjpe_loop_cpu_seconds": round(loop, 4),
        "mpjpe_cpu_seconds": round(vectorised, 4),
        "mpjpe_times_faster": round(loop / max(vectorised, 1e-9), 1),
        "machine": platform.machine(),
        "numpy": np.__version__,
    }


@dataclass(frozen=True)
class Data:
    """Random people; the vertices of MVE are the joints, the rotations are of MPJAE's nine joints."""

    pred: np.ndarray
    true: np.ndarray
    valid: np.ndarray
    turned: np.ndarray
    true_turned: np.ndarray
    head_size: np.ndarray


def random_data(settings: Settings) -> Data:
    rng = np.random.default_rng(0)
    true = rng.normal(size=(settings.poses, settings.joints, 3)) * 300
    pred = true + rng.normal(size=true.shape) * 50
    turns = Rotation.random(1000, random_state=0).as_matrix()
    chosen = rng.integers(0, len(turns), (2, settings.poses, ROTATIONS))
    return Data(pred, true, rng.random(true.shape[:2]) < 0.95, *turns[chosen], np.full(settings.poses, 100.0))


def all_metrics(data: Data) -> dict[str, float]:
    """Every metric of `named_metrics`, each kind of distances computed once; and an interval."""
    poses = data.pred, data.true, data.valid
    flat = data.pred[..., :2], data.true[..., :2], data.valid
    relative, absolute = metrics.root_relative_distances(*poses), metrics.absolute_distances(*poses)
    aligned, worst = metrics.procrustes_distances(*poses), metrics.worst_joints(relative)
    worst_aligned = metrics.worst_joints(aligned)
    sequences = np.arange(len(data.pred)) * SEQUENCES // len(data.pred)
    interval(metrics.counted_errors(relative), sequences)
    return {
        "mpjpe": metrics.mean_distance(relative),
        "p_mpjpe": metrics.mean_distance(aligned),
        "n_mpjpe": metrics.n_mpjpe(*poses),
        "a_mpjpe": metrics.mean_distance(absolute),
        "mrpe": metrics.mean_distance(absolute[:, :1]),
        "pck": metrics.correct_joints(relative, 100),
        "auc": metrics.area_under_curve(relative, 150),
        "auc_3dhp": 100 * metrics.pooled_mean(metrics.nearness_3dhp(relative)),
        "auc_3dpw": 100 * metrics.pooled_mean(metrics.nearness_3dpw(relative)),
        "auc_3dpw_binned": 100 * metrics.pooled_mean(metrics.nearness_3dpw_binned(relative)),
        "cps": metrics.correct_joints(worst, 200),
        "cps_auc": metrics.area_under_curve(worst, 200),
        "ncps": metrics.correct_joints(worst_aligned, 125, inclusive=True),
        "ncps_auc": metrics.area_under_curve(worst_aligned, 300),
        "apck": metrics.correct_joints(absolute, 150),
        "aauc": metrics.area_under_curve(absolute, 150),
        "error_2d": metrics.error_2d(*flat),
        "pckh": metrics.pckh(*flat, head_size=data.head_size),
        "mpjae": metrics.mpjae(data.turned, data.true_turned),
        "mpjae_pa": metrics.mpjae_pa(data.turned, data.true_turned, *poses),
        "mve": metrics.mean_distance(absolute),
        "mve_pa": metrics.mve_pa(data.pred, data.true, *poses, data.valid),
    }


def named_metrics(data: Data) -> dict[str, Callable[[], float]]:
    """All of `evaluation.metrics` but OKS-AP, which is pycocotools'."""
    names = (
        "mpjpe p_mpjpe n_mpjpe a_mpjpe mrpe pck auc auc_3dhp auc_3dpw auc_3dpw_binned cps cps_auc ncps ncps_auc "
        "apck aauc mve"
    ).split()
    poses = data.pred, data.true, data.valid
    flat = data.pred[..., :2], data.true[..., :2], data.valid
    return {name: lambda name=name: getattr(metrics, name)(*poses) for name in names} | {
        "error_2d": lambda: metrics.error_2d(*flat),
        "pckh": lambda: metrics.pckh(*flat, head_size=data.head_size),
        "mpjae": lambda: metrics.mpjae(data.turned, data.true_turned),
        "mpjae_pa": lambda: metrics.mpjae_pa(data.turned, data.true_turned, *poses),
        "mve_pa": lambda: metrics.mve_pa(data.pred, data.true, *poses, data.valid),
    }


def slow_mpjpe(pred: np.ndarray, true: np.ndarray, valid: np.ndarray, root: int = 0) -> float:
    """The yardstick: one joint after the other."""
    errors = []
    for p, g, m in zip(pred.tolist(), true.tolist(), valid.tolist(), strict=True):
        if not m[root]:
            continue
        shift = [a - b for a, b in zip(p[root], g[root], strict=True)]
        for point, target, counts in zip(p, g, m, strict=True):
            if counts:
                errors.append(math.dist([a - s for a, s in zip(point, shift, strict=True)], target))
    return sum(errors) / len(errors)


if __name__ == "__main__":
    print(json.dumps(main(tyro.cli(Settings, description=__doc__))))
