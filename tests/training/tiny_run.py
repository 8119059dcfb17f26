"""Trains a tiny run in a process of its own, which may be killed: `python tiny_run.py STORES RUN [STEPS]`."""

import sys
from dataclasses import replace
from pathlib import Path

from training.config import DataConfig, LossConfig, ModelConfig, RuntimeConfig, TrainConfig

CONFIG = TrainConfig(
    model=ModelConfig(backbone="tiny", crop_side=64, ghost_group_size=4),
    data=DataConfig(shares=(("tiny_h36m", 3), ("tiny_smpl", 2), ("tiny_2d", 3))),
    loss=LossConfig(weak_perspective_steps=3, absolute_from_step=4),
    runtime=RuntimeConfig(checkpoint_every=4, log_every=5),
    steps=24,
    inference_mode_steps=6,
    seed=3,
)


def main(stores: str, run: str, steps: str = "24") -> None:
    from training.fit import train

    folders = [Path(stores) / name for name, _ in CONFIG.data.shares]
    config = replace(CONFIG, steps=int(steps), inference_mode_steps=min(6, int(steps) // 4))
    train(config, folders, Path(run))


if __name__ == "__main__":
    main(*sys.argv[1:])
