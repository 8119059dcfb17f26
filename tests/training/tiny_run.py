"""Trains a tiny run in a process of its own, which may be killed: `python tiny_run.py STORES RUN [STEPS [KIND]]`."""

import sys
from dataclasses import replace
from pathlib import Path

from training.config import DataConfig, LossConfig, ModelConfig, OptimizerConfig, RuntimeConfig, TrainConfig

CONFIG = TrainConfig(
    model=ModelConfig(backbone="tiny", crop_side=64, ghost_group_size=4),
    data=DataConfig(shares=(("tiny_h36m", 3), ("tiny_smpl", 2), ("tiny_2d", 3))),
    loss=LossConfig(weak_perspective_steps=3, absolute_from_step=4),
    runtime=RuntimeConfig(checkpoint_every=4, log_every=5),
    steps=24,
    inference_mode_steps=6,
    seed=3,
)
IN_PARTS = replace(
    CONFIG,
    data=DataConfig(shares=(("tiny_h36m", 4), ("tiny_smpl", 2), ("tiny_2d", 2))),
    optimizer=OptimizerConfig(accumulate=2, ema_momentum=0.9),
)
KINDS = {
    "plain": CONFIG,
    "in parts": IN_PARTS,
    "bfloat16": replace(IN_PARTS, precision="mixed_bfloat16"),
    "whole": replace(IN_PARTS, optimizer=OptimizerConfig(ema_momentum=0.9)),
    "two devices": replace(
        IN_PARTS,
        optimizer=OptimizerConfig(ema_momentum=0.9),
        runtime=replace(CONFIG.runtime, devices=2),
    ),
}


def main(stores: str, run: str, steps: str = "24", kind: str = "plain") -> None:
    from training.fit import train

    config = KINDS[kind]
    folders = [Path(stores) / name for name, _ in config.data.shares]
    config = replace(config, steps=int(steps), inference_mode_steps=min(6, int(steps) // 4))
    if kind == "two devices":
        _show_two_cpus()
    train(config, folders, Path(run))


def _show_two_cpus() -> None:
    """TensorFlow; JAX takes them from XLA_FLAGS."""
    import keras
    import tensorflow as tf

    if keras.backend.backend() == "tensorflow":
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


if __name__ == "__main__":
    main(*sys.argv[1:])
