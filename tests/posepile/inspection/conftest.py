"""A small store of plausible people, some of whom a test may spoil."""

from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from posepile import boxes, masks, skeletons
from posepile.cameras import Camera
from posepile.example import PoseExample
from posepile.inspection import read_labels, sample_rows

SKELETON = skeletons.load("h36m_17")
SIDE = 96
STANDING = {  # mm: x to the person's left, z up
    "pelv": (0, 900), "rhip": (-120, 880), "rkne": (-130, 460), "rank": (-140, 60), "lhip": (120, 880),
    "lkne": (130, 460), "lank": (140, 60), "spin": (0, 1150), "neck": (0, 1420), "head": (0, 1520),
    "htop": (0, 1680), "lsho": (180, 1400), "lelb": (240, 1120), "lwri": (260, 870), "rsho": (-180, 1400),
    "relb": (-240, 1120), "rwri": (-260, 870),
}  # fmt: skip


def make_person(i, **changes):
    """A person facing the camera at about 4 m; its joints vary by about 2 % and its size by about 10 %."""
    rng = np.random.default_rng(i)
    pose = np.array([(STANDING[joint][0], 0, STANDING[joint][1]) for joint in SKELETON.joints], float)
    pose = pose * rng.normal(1, 0.1) + rng.normal(0, 8, pose.shape)
    rotation = np.array([[-1, 0, 0], [0, 0, -1], [0, -1, 0]])  # it looks along -y
    position = [0, rng.normal(4000, 200), 850]
    camera = Camera([[120, 0, 47.5], [0, 120, 47.5], [0, 0, 1]], rotation, position)
    box = boxes.expand(boxes.of_points(camera.world_to_image(pose)), 1.1)
    mask = np.zeros((SIDE, SIDE), bool)
    left, top, right, bottom = boxes.to_corners(box).round().astype(int)
    mask[max(top, 0) : bottom, left:right] = True
    image = cv2.imencode(".jpg", rng.integers(0, 255, (SIDE, SIDE, 3), np.uint8))[1].tobytes()
    person = PoseExample(
        key=f"people/{i:04d}", image=image, camera=camera, box=box, joints3d=pose, mask=masks.encode(mask),
        tags={"subject": f"s{i % 3}", "camera": f"cam{i % 2}"},
    )  # fmt: skip
    return replace(person, **changes)


@pytest.fixture(scope="session")
def people(fake):
    """make(number, **changes); write(path, examples) -> Store; labels(store) of all its examples."""

    def write(path, examples, **kwargs):
        return fake.write_store(path, examples=examples, skeleton=SKELETON, **kwargs)

    def labels(store):
        return read_labels(store, sample_rows(store, len(store), 0))

    return SimpleNamespace(make=make_person, write=write, labels=labels, skeleton=SKELETON)
