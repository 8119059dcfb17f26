"""A store of three examples labelled in two formats, as the synthetic test set is; there are no pictures in it."""

from pathlib import Path

import cv2
import numpy as np

from posepile import skeletons
from posepile.cameras import Camera
from posepile.example import PoseExample
from posepile.store import StoreWriter

SKELETON = skeletons.union(["smpl", "h36m"])
N = 3
CAMERA = Camera([[60, 0, 31.5], [0, 60, 31.5], [0, 0, 1]], [[1, 0, 0], [0, 0, -1], [0, 1, 0]])
WAVE = 300.0  # mm along x, of SMPL's left wrist in the last example


def poses() -> np.ndarray:
    """[N, J, 3] mm, world, whole numbers: a person of 24 and 25 joints, the same in all examples but for the wave."""
    i = np.arange(len(SKELETON))
    pose = np.stack([16.0 * i - 400, 4000 + 8.0 * (i % 5), 32.0 * (i % 24) - 400], axis=1)
    found = np.repeat(pose[None], N, axis=0)
    found[-1, SKELETON.index("lwri"), 0] += WAVE
    return found


def keys() -> list[str]:
    """As prediction files name the examples; each is of another sequence."""
    return [f"t:clip{i}/{i:04d}" for i in range(N)]


def write(root: Path) -> Path:
    jpeg = cv2.imencode(".jpg", np.zeros((64, 64, 3), np.uint8))[1].tobytes()
    with StoreWriter(root, id="t", role="test", skeleton=SKELETON, licence="CC0-1.0") as writer:
        for key, joints in zip(keys(), poses().astype(np.float32), strict=True):
            box = np.float32([10, 10, 40, 40])
            writer.append(PoseExample(key.removeprefix("t:"), jpeg, CAMERA, box, joints))
    return root


def in_camera(world: np.ndarray) -> np.ndarray:
    """[N, J, 3] mm in the frame of the crop's camera, which has the camera's place."""
    looking = CAMERA.turned_to((30, 30))
    return looking.world_to_camera(world)
