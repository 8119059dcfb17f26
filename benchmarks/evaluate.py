"""Memory and time of scoring a large prediction file by a benchmark's protocol, and of matching people in an image.

    python benchmarks/evaluate.py [--poses 1000000] [--people 20]

The goals: a million predictions of 17 joints, rows in random order, in less than 1 GB of memory; matching 20 people
in less than 5 ms an image. `benchmarks/metrics.py` measures the metrics by themselves. Each file is scored in a
process of its own, whose largest memory is read at its end. The last line is JSON.
"""

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import tyro
from scipy.optimize import linear_sum_assignment

from evaluation.benchmark_results import score_benchmark
from evaluation.prediction_writer import PredictionWriter
from evaluation.protocols import Labelled
from evaluation.protocols.h36m import H36MProtocol
from evaluation.protocols.mupots import match_people
from evaluation.tdpw_association import overlap
from evaluation.tracks import follow
from posepile import skeletons
from posepile.cameras import Camera

SEQUENCES = 240
REPEATS = 50


@dataclass(frozen=True)
class Settings:
    """What is measured."""

    poses: int = 1_000_000
    people: int = 20
    """In one image, for matching."""
    score: Path | None = None
    """Only score this file: what the child processes do."""


@dataclass(frozen=True)
class RandomTruth(H36MProtocol):
    """Human3.6M's measures of poses that are random, and the same each time."""

    poses: int = 1_000_000
    camera: Camera = field(default_factory=lambda: Camera(np.eye(3)))
    title: ClassVar = "random poses"

    def labelled(self, root: Path) -> Iterator[Labelled]:
        rng = np.random.default_rng(0)
        for s, size in enumerate(np.diff(np.linspace(0, self.poses, SEQUENCES + 1).astype(int))):
            name = f"S9/Activity {s}/54138969"
            yield Labelled(
                sequence=name,
                image_paths=[f"h36m/S9/Images/Activity {s}.54138969/frame_{i:06d}.jpg" for i in range(size)],
                joints=rng.normal(size=(size, 17, 3)) * 300 + [0, 0, 4000],
                cameras=[self.camera] * size,
                people=[0] * size,
                groups={"action": [f"Activity {s % 15}"] * size},
            )

    def describe(self) -> dict[str, str]:
        return {"joints": "random"}


def main(settings: Settings) -> dict:
    if settings.score:
        return score(settings)
    found = {"poses": settings.poses, "machine": platform.machine(), "numpy": np.__version__}
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("npz", "h5"):
            path = Path(folder) / f"predictions.{suffix}"
            write(path, settings.poses)
            command = [sys.executable, __file__, "--score", str(path), "--poses", str(settings.poses)]
            child = subprocess.run(command, capture_output=True, text=True, check=True)
            found[suffix] = json.loads(child.stdout.splitlines()[-1])
    found["matching_ms_per_image"] = {
        "mupots": matching_ms(settings.people),
        "tdpw": following_ms(settings.people),
        "tdpw_masks": masks_ms(settings.people),
    }
    return found


def write(path: Path, n_poses: int) -> None:
    """Perfect predictions with noise, in an order that has nothing to do with the truth's."""
    protocol, rng = RandomTruth(poses=n_poses), np.random.default_rng(1)
    sequences = list(protocol.labelled(path.parent))
    names = np.concatenate([np.array(sequence.image_paths) for sequence in sequences])
    poses = np.concatenate([sequence.joints.astype(np.float32) for sequence in sequences])
    order = rng.permutation(n_poses)
    with PredictionWriter(path, protocol.skeleton.union_names) as writer:
        for rows in np.array_split(order, max(1, n_poses // 10_000)):
            noise = rng.normal(size=(len(rows), 17, 3)) * 40
            writer.append(names[rows].tolist(), coords3d_pred_world=poses[rows] + noise)


def score(settings: Settings) -> dict:
    started, wall = time.process_time(), time.perf_counter()
    before = max_memory_mb()
    found = score_benchmark(RandomTruth(poses=settings.poses), settings.score.parent, [settings.score])
    (model,) = found["models"].values()
    return {
        "max_memory_mb": max_memory_mb(),
        "max_memory_mb_of_imports": before,
        "cpu_seconds": round(time.process_time() - started, 1),
        "wall_seconds": round(time.perf_counter() - wall, 1),
        "mpjpe": model["figures"]["mpjpe"]["value"],
    }


def max_memory_mb() -> float:
    """Of this process since it runs this program; `getrusage` would inherit the parent's (Linux only)."""
    status = Path("/proc/self/status").read_text()
    return round(int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) / 1024, 1)


def matching_ms(people: int) -> float:
    """Median over images in which everybody is near everybody."""
    rng = np.random.default_rng(2)
    times = []
    for _ in range(REPEATS):
        true = rng.uniform(0, 400, (people, 17, 2))
        pred = rng.permutation(true + rng.normal(size=true.shape) * 20)
        started = time.perf_counter()
        match_people(true, pred)
        times.append(time.perf_counter() - started)
    return round(1000 * float(np.median(times)), 3)


def following_ms(people: int) -> float:
    """The same for 3DPW's assignment, of one recording of as many images: the mean."""
    rng = np.random.default_rng(3)
    true = rng.uniform(0, 400, (people, REPEATS, 8, 2))
    poses = [rng.permutation(image + rng.normal(size=image.shape) * 20) for image in true.swapaxes(0, 1)]
    sizes = [np.full(people, 100.0)] * REPEATS
    started = time.perf_counter()
    follow(poses, true, np.ones(true.shape[:3]), sizes)
    return round(1000 * (time.perf_counter() - started) / REPEATS, 3)


def masks_ms(people: int) -> float:
    """The same by masks of a tracker that works at 854 x 480 px: the median over images, each read beforehand."""
    rng, skeleton = np.random.default_rng(4), skeletons.load("smpl_24")
    numbers = rng.integers(0, people + 1, (480, 854)).astype(np.uint8)
    times = []
    for _ in range(REPEATS):
        places = rng.uniform(0, (700, 300), (people, 1, 2))
        poses = places + rng.uniform(0, (100, 180), (people, len(skeleton), 2))
        started = time.perf_counter()
        linear_sum_assignment(overlap(numbers, poses, skeleton, people), maximize=True)
        times.append(time.perf_counter() - started)
    return round(1000 * float(np.median(times)), 3)


if __name__ == "__main__":
    print(json.dumps(main(tyro.cli(Settings, description=__doc__))))
