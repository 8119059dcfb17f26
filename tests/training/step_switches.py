"""Run by test_model.py in a process of its own, under either backend: do steps switch terms in a compiled
run?

Trains a tiny network on one batch, once with nothing random or moving and once as usual, and prints the
logged terms of every step, and which weights moved, as JSON.
"""

import json
import os
from types import SimpleNamespace

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from training.build import build_model
from training.config import DataConfig, LossConfig, ModelConfig, OptimizerConfig, TrainConfig
from training.optimizer import build_optimizer

JOINTS = ("lsho_a", "rsho_a", "nose_a", "lsho_b", "rsho_b", "nose_b")


def main():
    frozen = OptimizerConfig(learning_rate=1e-20, weight_decay=0)
    print(json.dumps({"frozen": run(frozen, True), "training": run(OptimizerConfig(), False)}, default=float))


def run(optimizer_config: OptimizerConfig, inference_mode: bool) -> dict:
    config = TrainConfig(
        model=ModelConfig("tiny", crop_side=64, ghost_group_size=2),
        data=DataConfig(shares=(("a", 4), ("b", 2))),
        loss=LossConfig(weak_perspective_steps=3, absolute_from_step=4),
        optimizer=optimizer_config,
        steps=10,
        inference_mode_steps=0,
    )
    model = build_model(config, SimpleNamespace(joints=JOINTS))
    model.train_in_inference_mode = inference_mode
    optimizer = build_optimizer(config.optimizer, config.steps, config.precision)
    model.compile(optimizer=optimizer, jit_compile=keras.backend.backend() == "jax")
    start = [weight.numpy() if hasattr(weight, "numpy") else np.array(weight) for weight in model.weights]
    x, y = make_batch()
    rows = []
    for _ in range(6):
        rows.append(model.train_on_batch(x, y, return_dict=True))
        model.reset_metrics()
    moved = [w.path for w, old in zip(model.weights, start, strict=True) if np.any(np.array(w) != old)]
    return {
        "rows": rows,
        "moved": moved,
        "all": [w.path for w in model.weights],
        "step": int(model.step),
        "draws": int(np.ravel(model.mix_seed.state)[1]),
    }


def make_batch():
    rng = np.random.default_rng(0)
    intrinsics = np.tile(np.float32([[100, 0, 31.5], [0, 100, 31.5], [0, 0, 1]]), (6, 1, 1))
    joints3d = (rng.normal(size=(4, len(JOINTS), 3)) * 300 + [0, 0, 4000]).astype(np.float32)
    x = {"image": rng.random((6, 64, 64, 3), np.float32), "intrinsics": intrinsics}
    y = {
        "joints3d": joints3d,
        "valid3d": np.ones((4, len(JOINTS)), bool),
        "joints2d": rng.uniform(0, 63, (2, 17, 2)).astype(np.float32),
        "valid2d": np.ones((2, 17), bool),
    }
    return x, y


if __name__ == "__main__":
    main()
