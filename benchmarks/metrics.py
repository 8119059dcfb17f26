"""Speed of the metrics of poses on random data: every named function by itself, against loops over single joints.

    python benchmarks/metrics.py --poses 1000000

The goal is a million poses of 17 joints, all metrics, in less than 60 s on one core. The last line is JSON with
seconds of processor time, for each metric and in all.
"""

import json
import math
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import tyro

from evaluation import metrics

ROTATIONS = 9


@dataclass(frozen=True)
class Settings:
    """What is measured."""

    poses: int = 1_000_000
    joints: int = 17
    yardstick_poses: int = 2_000
    """The loop scores the first so many poses."""


def main(settings: Settings) -> dict:
    pred, true, valid = random_poses(settings)
    seconds = {}
    for name, metric in named_metrics(pred, true, valid).items():
        started = time.process_time()
        metric()
        seconds[name] = time.process_time() - started
        print(f"{name:16} {seconds[name]:8.3f} s")
    few = slice(settings.yardstick_poses)
    arguments = pred[few], true[few], valid[few]
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
        "metrics": len(seconds),
        "cpu_seconds": round(sum(seconds.values()), 3),
        "cpu_seconds_by_metric": {name: round(value, 4) for name, value in seconds.items()},
        "yardstick_poses": len(arguments[0]),
        "mpjpe_loop_cpu_seconds": round(loop, 4),
        "mpjpe_cpu_seconds": round(vectorised, 4),
        "mpjpe_times_faster": round(loop / max(vectorised, 1e-9), 1),
        "machine": platform.machine(),
        "numpy": np.__version__,
    }


def random_poses(settings: Settings) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    true = rng.normal(size=(settings.poses, settings.joints, 3)) * 300
    pred = true + rng.normal(size=true.shape) * 50
    valid = rng.random(true.shape[:2]) < 0.95
    return pred, true, valid


def named_metrics(pred: np.ndarray, true: np.ndarray, valid: np.ndarray) -> dict[str, Callable[[], float]]:
    """All of `evaluation.metrics` that score poses; vertices and OKS-AP have other inputs."""
    names = (
        "mpjpe p_mpjpe n_mpjpe a_mpjpe mrpe pck auc auc_3dhp auc_3dpw auc_3dpw_binned cps cps_auc ncps ncps_auc "
        "apck aauc"
    ).split()
    every = {name: lambda name=name: getattr(metrics, name)(pred, true, valid) for name in names}
    flat = pred[..., :2], true[..., :2], valid
    turned = [np.broadcast_to(np.eye(3), (len(pred), ROTATIONS, 3, 3))] * 2
    return every | {
        "error_2d": lambda: metrics.error_2d(*flat),
        "pckh": lambda: metrics.pckh(*flat, head_size=np.full(len(pred), 100.0)),
        "mpjae": lambda: metrics.mpjae(*turned),
        "mpjae_pa": lambda: metrics.mpjae_pa(*turned, pred, true, valid),
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
