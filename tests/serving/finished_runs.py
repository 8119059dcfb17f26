"""Finished runs with random weights, and the stores that they trained on."""

from pathlib import Path

import cv2
import numpy as np

from posepile import skeletons
from posepile.cameras import Camera
from posepile.example import PoseExample
from posepile.store import Store, StoreWriter
from training import config_files, run_folder
from training.build import build_model
from training.config import ModelConfig, TrainConfig

CONFIG = TrainConfig(model=ModelConfig(backbone="tiny", crop_side=64, ghost_group_size=0), seed=5)
UNION = skeletons.union(["aspset", "h36m"])


def write_run(run: Path, config: TrainConfig, skeleton, stores) -> Path:
    """What training leaves, with the initial weights."""
    run.mkdir()
    config_files.save(config, run)
    run_folder.save_acae(run, config)
    run_folder.save_environment(run)
    run_folder.save_stores(run, stores)
    run_folder.save_model_facts(run, config, skeleton, stores)
    run_folder.save_weights(run, build_model(config, skeleton, run_folder.load_acae(run)))
    return run


def make_store(folder: Path) -> Store:
    """Three red pictures."""
    image = cv2.imencode(".jpg", np.full((96, 128, 3), (0, 0, 255), np.uint8))[1].tobytes()
    camera = Camera([[150, 0, 63.5], [0, 150, 47.5], [0, 0, 1]])
    joints = np.random.default_rng(0).normal(0, 300, (17, 3)) + (0, 0, 4000)
    facts = dict(id="tiny", role="3d", skeleton=skeletons.load("aspset"), licence="CC0-1.0")
    with StoreWriter(folder, **facts) as writer:
        for i in range(3):
            box = [10 + 5 * i, 8, 60, 80]
            writer.append(PoseExample(f"tiny/{i}", image, camera, box, joints3d=joints))
    return Store.open(folder)
