"""A fake JRDB: one sequence of two cameras, four labelled frames whose images are two later."""

import json
from pathlib import Path

import numpy as np

from fakes.scene import Fake, Known, write_image
from posepile.datasets.jrdb import Jrdb

SIZE = (752, 480)
PLACE = "seq-a-2019-02-07_0"
N_IMAGES = 5  # 000000 to 000004; the labels of frame 3 would belong to 000005
ROLLS = [0.3, -0.2, 0.1, 0.0, -0.1]  # radians, of the sensors
DISTORTION = [-0.34, 0.16, -0.0006, 0.0004, -0.04]


def write(root: Path) -> Fake:
    train = root / "train_dataset"
    for k in (0, 4):
        for i in range(N_IMAGES):
            write_image(train / f"images/image_{k}/{PLACE}/{i:06d}.jpg", SIZE, 20 + 30 * i + 4 * k)
    calibration = train / "calibration/cameras.yaml"
    calibration.parent.mkdir(parents=True)
    calibration.write_text("cameras:\n" + "".join(_sensor(i) for i in range(5)))
    expected = []
    for k in (0, 4):
        expected += _write_labels(train, k)
    _write_labels(train, "_stitched")
    fuzzed = ("**/*.json", "**/cameras.yaml")
    return Fake(Jrdb(), root, expected, fuzzed, detect)


def detect(source) -> np.ndarray:
    """Both people, each 5 px too far to the left, and one that nobody labelled."""
    return np.array([(300, 80, 60, 60, 0.9), (395, 100, 80, 300, 0.8), (95, 100, 80, 300, 0.7)], float)


def calibration_of(sensor: int):
    """K [3, 3], D [5], R [3, 3] and T [3] mm of a sensor, X_cam = R X + T."""
    sin, cos = np.sin(ROLLS[sensor]), np.cos(ROLLS[sensor])
    k = np.array([[480.0 + sensor, 0, 350.7], [0, 481.0, 209.5], [0, 0, 1]])
    r = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    return k, np.array(DISTORTION), r, np.array([-57.0 + sensor, 3.5, -12.25])


def _sensor(i: int) -> str:
    lines = [f"  sensor_{i}:", "    width: 752", "    height: 480"]
    for name, numbers in zip("KDRT", calibration_of(i), strict=True):
        lines.append(f"    {name}: {' '.join(repr(float(x)) for x in numbers.ravel())}")
    return "\n".join(lines) + "\n"


def _write_labels(train: Path, k) -> list[Known]:
    a, b = _pixels(100, seed=1), _pixels(400, seed=2)
    no_legs = b.copy()
    no_legs[[13, 14, 15, 16]] = np.nan
    # The boxes around the joints are 300 * 1.15 px long: 34.5 px count as movement. B moves little all the time
    a_moved = [a, a + (34, 0), a + (0, 35), a + 60]
    frames = [(a_moved[i], no_legs if i == 0 else b + i) for i in range(4)]
    folder = f"image_{k}/{PLACE}"
    images = [{"id": i, "file_name": f"{folder}/{i:06d}.jpg"} for i in (2, 0, 1, 3)]
    annotations = [
        {"image_id": i, "track_id": track, "keypoints": _keypoints(pixels)}
        for i, people in enumerate(frames)
        for track, pixels in zip((3, 11), people, strict=True)
    ]
    annotations.append({"image_id": 1, "track_id": 5, "keypoints": [0] * 51})
    file = train / f"labels/labels_2d_pose_coco/{PLACE}_image{k}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"images": images, "annotations": annotations}))
    if k == "_stitched":
        return []
    return [
        Known(
            key=f"{PLACE}/image_{k}/{i + 2:06d}_{track:03d}",
            split="train",
            pixels=frames[i][person],
            box=detect(None)[2 - person, :4],
            grey=20 + 30 * (i + 2) + 4 * k,
            tags={"subject": f"{PLACE}/{track}", "camera": f"image_{k}"},
        )
        for i, person, track in ((0, 0, 3), (0, 1, 11), (1, 1, 11), (2, 0, 3))
    ]


def _pixels(x: int, seed: int) -> np.ndarray:
    pixels = np.random.default_rng(seed).uniform((x, 100), (x + 80, 400), size=(17, 2))
    pixels[0], pixels[10] = (x, 100), (x + 80, 400)  # known extent
    return pixels


def _keypoints(pixels: np.ndarray) -> list[float]:
    """v is 1 (hidden) or 2 where labelled."""
    is_valid = np.isfinite(pixels).all(axis=1)
    v = np.where(is_valid, 1 + np.arange(17) % 2, 0)
    return np.column_stack([np.nan_to_num(pixels), v]).ravel().tolist()
