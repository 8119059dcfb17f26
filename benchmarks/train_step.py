"""Speed of a training step: forward, losses, backward and update, on random data already in memory.

    python benchmarks/train_step.py --backbone tiny --crop-side 128 --batch 64

The last line is JSON with images per second: the median, the spread, and what the processor time alone would
allow (of use on a machine that others load, too).
"""

import json
import os
import platform
import statistics
import time
from dataclasses import dataclass
from types import SimpleNamespace

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tyro

from training.build import build_model
from training.config import DataConfig, ModelConfig, TrainConfig
from training.optimizer import build_optimizer


@dataclass(frozen=True)
class Settings:
    """What is measured."""

    backbone: str = "tiny"
    crop_side: int = 128
    joints: int = 249
    batch: int = 64
    """A quarter of it is 2D-labelled."""
    precision: str = "float32"
    jit: bool = False
    """XLA."""
    repeats: int = 20


def main(settings: Settings) -> dict:
    config = TrainConfig(
        model=ModelConfig(settings.backbone, settings.crop_side, ghost_group_size=8),
        data=DataConfig(shares=(("3d", settings.batch * 3 // 4), ("2d", settings.batch // 4))),
        precision=settings.precision,
    )
    model = build_model(config, SimpleNamespace(joints=[f"lsho_{i}" for i in range(settings.joints)]))
    optimizer = build_optimizer(config.optimizer, config.steps, config.precision)
    model.compile(optimizer=optimizer, jit_compile=settings.jit)
    x, y = random_batch(settings)
    model.train_on_batch(x, y)  # traces
    walls, processor = [], []
    for _ in range(settings.repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        model.train_on_batch(x, y)  # returns numbers, so the device is done
        walls.append(time.perf_counter() - wall)
        processor.append(time.process_time() - cpu)
    images = [settings.batch / wall for wall in walls]
    cores = os.cpu_count()
    return {
        "images_per_s": round(statistics.median(images), 1),
        "images_per_s_min": round(min(images), 1),
        "images_per_s_max": round(max(images), 1),
        "images_per_s_by_processor_time": round(settings.batch * cores / statistics.median(processor), 1),
        "parameters": model.count_params(),
        "backend": keras.backend.backend(),
        "cores": cores,
        "machine": platform.processor() or platform.machine(),
        **vars(settings),
    }


def random_batch(settings: Settings):
    rng = np.random.default_rng(0)
    n2d, side = settings.batch // 4, settings.crop_side
    n3d, centre = settings.batch - n2d, (side - 1) / 2
    intrinsics = np.float32([[1.5 * side, 0, centre], [0, 1.5 * side, centre], [0, 0, 1]])
    joints3d = rng.normal(size=(n3d, settings.joints, 3)) * 300 + [0, 0, 4000]
    x = {
        "image": rng.random((settings.batch, side, side, 3), np.float32),
        "intrinsics": np.tile(intrinsics, (settings.batch, 1, 1)),
    }
    y = {
        "joints3d": joints3d.astype(np.float32),
        "valid3d": rng.random((n3d, settings.joints)) < 0.2,
        "joints2d": rng.uniform(0, side - 1, (n2d, 17, 2)).astype(np.float32),
        "valid2d": np.ones((n2d, 17), bool),
    }
    return x, y


if __name__ == "__main__":
    print(json.dumps(main(tyro.cli(Settings, description=__doc__))))
