"""Speed and memory of the multi-person model: crops beside the network, batches, many people, a soak.

    python benchmarks/estimator.py
    python benchmarks/estimator.py --quick

The network is EfficientNetV2-S at 256 px with all joints of the large pile, random weights, in a SavedModel that
has been loaded again; boxes are given. "Beside the network" is everything else that the model does (decoding of the
images, pyramid, warp, gamma, geometry): the same model timed with a network that returns at once. The soak calls
the loaded model with images of mixed sizes, a tiny network and a varying number of people; memory is the process's
resident set. The last line is JSON.
"""

import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tyro

PEOPLE = (1, 2, 8, 32)
BATCH = 8
MB = 1 << 20


@dataclass(frozen=True)
class Settings:
    """What is measured."""

    backbone: str = "efficientnetv2-s"
    crop_side: int = 256
    skeleton: str = "large"
    size: tuple[int, int] = (1280, 720)
    """Width and height of the images, px."""
    repeats: int = 7
    """Timed calls of each kind, after a warm-up; the median counts."""
    soak: int = 2000
    """Requests of the soak; 0: none."""
    quick: bool = False
    """A tiny network and few calls: shows on any machine that the script runs."""


def main(settings: Settings) -> dict[str, Any]:
    if settings.quick:
        settings = replace(
            settings, backbone="tiny", crop_side=64, skeleton="h36m", size=(320, 240), repeats=2, soak=150
        )
    result: dict[str, Any] = {"machine": machine(), "settings": settings.__dict__.copy()}
    with tempfile.TemporaryDirectory() as folder:
        if settings.repeats:
            result |= speed(settings, Path(folder))
        if settings.soak:
            result["soak"] = soak(settings.soak, Path(folder))
    return result


def speed(settings: Settings, folder: Path) -> dict[str, Any]:
    """Seconds of the model, of its network and of everything beside the network, for 1 to 32 people."""
    import tensorflow as tf

    model = saved(settings, folder / "whole")
    idle = saved(settings, folder / "idle", idle=True)
    width, height = settings.size
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    rows = []
    for people in PEOPLE:
        for augs in (1, 5):
            boxes = person_boxes(people, settings.size)
            images = tf.zeros([people * augs, settings.crop_side, settings.crop_side, 3], tf.float16)
            intrinsics = tf.eye(3, batch_shape=[people * augs]) * [[1000.0, 1, 1], [1, 1000, 1], [1, 1, 1]]
            if people * augs > 64:
                continue  # the model would call the network several times
            network = median(
                lambda i=images, k=intrinsics: model.crop_model.predict_multi(i, k), settings.repeats
            )
            whole = median(
                lambda b=boxes, a=augs: model.estimate_poses(image, b, num_aug=a), settings.repeats
            )
            beside = median(
                lambda b=boxes, a=augs: idle.estimate_poses(image, b, num_aug=a), settings.repeats
            )
            rows.append(
                {
                    "people": people,
                    "num_aug": augs,
                    "whole_s": round(whole, 4),
                    "network_s": round(network, 4),
                    "beside_s": round(beside, 4),
                    "beside_of_network": round(beside / network, 3),
                }
            )
            print(rows[-1], flush=True)
    return {"people": rows, "batch": batch_speed(model, settings, image)}


def batch_speed(model, settings: Settings, image: np.ndarray) -> dict[str, float]:
    """Images per second, one person and one crop each, in batches and one by one."""
    import tensorflow as tf

    images, boxes = np.stack([image] * BATCH), person_boxes(1, settings.size)
    ragged = tf.RaggedTensor.from_row_lengths(np.tile(boxes, (BATCH, 1)), [1] * BATCH)

    def singly():
        for one in images:
            model.estimate_poses(one, boxes, num_aug=1)

    together = median(lambda: model.estimate_poses_batched(images, ragged, num_aug=1), settings.repeats)
    alone = median(singly, settings.repeats)
    result = {
        "batched_images_per_s": round(BATCH / together, 2),
        "single_images_per_s": round(BATCH / alone, 2),
    }
    print(result, flush=True)
    return result


def soak(requests: int, folder: Path) -> dict[str, Any]:
    """Memory over many requests with mixed sizes, and how often functions were traced."""
    settings = Settings(backbone="tiny", crop_side=64, skeleton="h36m")
    model = saved(settings, folder / "soak")
    rng = np.random.default_rng(0)
    memory, start = {}, time.perf_counter()
    for i in range(1, requests + 1):
        width, height = (int(side) for side in rng.integers(50, 900, 2))
        image = rng.integers(0, 256, (height, width, 3), np.uint8)
        boxes = person_boxes(int(rng.integers(0, 7)), (width, height))
        model.estimate_poses(image, boxes, num_aug=int(rng.integers(1, 6)), skeleton="h36m_17")
        if i in (1, 100, requests // 2, requests):
            memory[i] = round(resident() / MB, 1)
    result = {
        "requests": requests,
        "requests_per_s": round(requests / (time.perf_counter() - start), 1),
        "resident_mb": memory,
        "traces": len(model.estimate_poses.concrete_functions),
    }
    print(result, flush=True)
    return result


def saved(settings: Settings, folder: Path, idle: bool = False):
    """A multi-person model with random weights, loaded from its SavedModel; `idle`: its network returns at once."""
    import tensorflow as tf

    from posepile import skeletons
    from serving.crop_model import CropModel
    from serving.estimator import PoseEstimator
    from serving.joint_sets import joint_sets
    from training.build import build_model
    from training.config import ModelConfig, TrainConfig

    skeleton = skeletons.load(settings.skeleton)
    config = ModelConfig(backbone=settings.backbone, crop_side=settings.crop_side, ghost_group_size=0)
    crop_model = CropModel(build_model(TrainConfig(model=config), skeleton), skeleton, {})
    if idle:
        signature = crop_model.predict_multi.input_signature

        def return_at_once(images, _):  # a pixel takes part, so that the crops have to be made
            return tf.zeros([1, len(skeleton), 3]) + tf.cast(images[:, :1, :1, 0], tf.float32)

        crop_model.network_variables = []
        crop_model.predict_multi = tf.function(return_at_once, input_signature=signature)
    tf.saved_model.save(PoseEstimator(crop_model, joint_sets(skeleton)), str(folder))
    return tf.saved_model.load(str(folder))


def person_boxes(count: int, size: tuple[int, int]) -> np.ndarray:
    """[count, 4]: upright people of 60 % of the image's height, side by side."""
    width, height = size
    side = 0.6 * height
    left = np.linspace(0, max(width - side / 2, 1), count)
    return np.array([[x, 0.2 * height, max(side / 2, 1), max(side, 1)] for x in left], np.float32).reshape(
        -1, 4
    )


def median(call: Callable[[], Any], repeats: int) -> float:
    """Seconds of a call, after one that does not count."""
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:])


def resident() -> int:
    """Bytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def machine() -> dict[str, Any]:
    import tensorflow as tf

    return {"system": platform.platform(), "cores": os.cpu_count(), "tensorflow": tf.__version__}


if __name__ == "__main__":
    print(json.dumps(main(tyro.cli(Settings, description=__doc__.splitlines()[0]))))
