"""Speed and memory of the multi-person model: crops beside the network, batches, many people, a soak.

    python benchmarks/estimator.py
    python benchmarks/estimator.py --quick
    python benchmarks/estimator.py --repeats 0 --soak 2000

The network is EfficientNetV2-S at 256 px with all joints of the large pile, random weights, in a SavedModel that
has been loaded again; boxes are given. "Beside the network" is everything else that the model does (decoding of the
images, pyramid, warp, gamma, geometry): the same model timed with a network that returns at once. The three are
called in turn, so that a busy machine is busy for all; the ratio of the processor's time hardly depends on it. The
soak calls the loaded model with images of mixed sizes, a tiny network and a varying number of people; memory is the
process's resident set. The last line is JSON.
"""

import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tyro

from serving.parameter_table import PARAMETERS

PEOPLE = (1, 2, 8, 32)
BATCH = 8
SETTLED = 100  # requests, after which memory should not grow
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
    """Time of the model, of its network and of everything beside the network, for 1 to 32 people."""
    model = saved(settings, folder / "whole")
    idle = saved(settings, folder / "idle", idle=True)
    width, height = settings.size
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    rows = []
    for people in PEOPLE:
        for augs in (1, 5):
            boxes = person_boxes(people, settings.size)
            calls = {
                "network": network_alone(model, settings, people, augs),
                "beside": lambda b=boxes, a=augs: idle.estimate_poses(image, b, num_aug=a),
                "whole": lambda b=boxes, a=augs: model.estimate_poses(image, b, num_aug=a),
            }
            times = timed(calls, settings.repeats)
            rows.append({"people": people, "num_aug": augs} | compared(times))
            print(rows[-1], flush=True)
    return {"people": rows, "batch": batch_speed(model, settings, image)}


def network_alone(model, settings: Settings, people: int, augs: int) -> Callable[[], None]:
    """Calls the network with as many crops, in as many parts, as the model does."""
    import tensorflow as tf

    side, largest = settings.crop_side, PARAMETERS["internal_batch_size"].default // augs
    intrinsics = np.float32([[1000, 0, 127.5], [0, 1000, 127.5], [0, 0, 1]])
    parts = [
        (
            tf.zeros([count * augs, side, side, 3], tf.float16),
            tf.tile(intrinsics[np.newaxis], [count * augs, 1, 1]),
        )
        for count in (min(largest, people - start) for start in range(0, people, largest))
    ]

    def call():
        for images, matrices in parts:
            model.crop_model.predict_multi(images, matrices)

    return call


def compared(times: dict[str, "Times"]) -> dict[str, float]:
    network, beside = times["network"], times["beside"]
    return {f"{name}_s": round(one.wall, 4) for name, one in times.items()} | {
        "beside_of_network": round(beside.wall / network.wall, 3),
        "beside_of_network_in_processor_time": round(beside.processor / network.processor, 3),
    }


def batch_speed(model, settings: Settings, image: np.ndarray) -> dict[str, float]:
    """Images per second, one person and one crop each, in batches and one by one."""
    import tensorflow as tf

    images, boxes = np.stack([image] * BATCH), person_boxes(1, settings.size)
    ragged = tf.RaggedTensor.from_row_lengths(np.tile(boxes, (BATCH, 1)), [1] * BATCH)

    def singly():
        for one in images:
            model.estimate_poses(one, boxes, num_aug=1)

    def together():
        model.estimate_poses_batched(images, ragged, num_aug=1)

    times = timed({"batched": together, "single": singly}, settings.repeats)
    result = {f"{name}_images_per_s": round(BATCH / one.wall, 2) for name, one in times.items()}
    ratio = times["single"].processor / times["batched"].processor
    result["batched_of_single_in_processor_time"] = round(ratio, 3)
    print(result, flush=True)
    return result


def soak(requests: int, folder: Path) -> dict[str, Any]:
    """Memory over many requests with mixed sizes, and how often functions were traced."""
    settings = Settings(backbone="tiny", crop_side=64, skeleton="h36m")
    model = saved(settings, folder / "soak")
    rng = np.random.default_rng(0)
    memory, traces, start = {}, {}, time.perf_counter()
    for i in range(1, requests + 1):
        width, height = (int(side) for side in rng.integers(50, 900, 2))
        image = rng.integers(0, 256, (height, width, 3), np.uint8)
        boxes = person_boxes(int(rng.integers(0, 7)), (width, height))
        model.estimate_poses(image, boxes, num_aug=int(rng.integers(1, 6)), skeleton="h36m_17")
        if i in (1, SETTLED, *(requests * part // 4 for part in (1, 2, 3, 4))):
            memory[i] = round(resident() / MB, 1)
            traces[i] = len(model.estimate_poses.concrete_functions)
    result = {
        "requests": requests,
        "requests_per_s": round(requests / (time.perf_counter() - start), 1),
        "resident_mb": memory,
        "growth_after_100_mb": round(memory[requests] - memory[min(SETTLED, requests)], 1),
        "growth_in_second_half_mb": round(memory[requests] - memory[requests // 2], 1),
        "traces": traces,
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


class Times(NamedTuple):
    """Seconds of a call on the clock, and those of all cores together."""

    wall: float
    processor: float


def timed(calls: dict[str, Callable[[], Any]], repeats: int) -> dict[str, Times]:
    """The medians of each call; all are called in turn, once without counting."""
    found = {name: [] for name in calls}
    for _ in range(repeats + 1):
        for name, call in calls.items():
            wall, processor = time.perf_counter(), time.process_time()
            call()
            found[name].append((time.perf_counter() - wall, time.process_time() - processor))
    return {name: Times(*np.median(seconds[1:], axis=0).tolist()) for name, seconds in found.items()}


def resident() -> int:
    """Bytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def machine() -> dict[str, Any]:
    import tensorflow as tf

    return {"system": platform.platform(), "cores": os.cpu_count(), "tensorflow": tf.__version__}


if __name__ == "__main__":
    print(json.dumps(main(tyro.cli(Settings, description=__doc__.splitlines()[0]))))
