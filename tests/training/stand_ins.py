"""Small examples and stores for the tests of this room."""

from dataclasses import replace

import cv2
import numpy as np

from posepile import skeletons
from posepile.cameras import Camera
from posepile.example import PoseExample
from posepile.store import Store, StoreWriter

IMAGE_SIZE = (160, 120)
STORES = {"tiny_h36m": ("h36m", "3d"), "tiny_smpl": ("smpl", "3d"), "tiny_2d": ("common2d", "2d")}


def make_camera(random, distorted=False) -> Camera:
    """A camera some metres away that looks roughly at the origin; world up is +z."""
    angle = random.uniform(-np.pi, np.pi)
    position = np.array([3500 * np.cos(angle), 3500 * np.sin(angle), random.uniform(500, 2500)])
    forward = -position / np.linalg.norm(position)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    intrinsics = np.array([[150.0, 0, 82], [0, 155.0, 57], [0, 0, 1]])
    distortion = [-0.2, 0.05, 0.002, -0.001, 0.01] if distorted else ()
    return Camera(intrinsics, rotation, position, np.array(distortion))


def make_pose(random, n_joints: int) -> np.ndarray:
    """[J, 3] mm, world: points in a box of a person's size around the origin."""
    return random.uniform([-300, -300, -600], [300, 300, 600], (n_joints, 3)).astype(np.float32)


def make_image(random, size=IMAGE_SIZE) -> bytes:
    """A smooth random JPEG."""
    noise = random.integers(0, 256, (size[1] // 8, size[0] // 8, 3)).astype(np.uint8)
    return encode(cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC))


def encode(image: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def make_example(random, key="tiny/0", n_joints=17, role="3d", distorted=False, image=None) -> PoseExample:
    """An example with a box around its projected joints."""
    camera, pose = make_camera(random, distorted), make_pose(random, n_joints)
    pixels = camera.world_to_image(pose)
    low, high = pixels.min(axis=0) - 5, pixels.max(axis=0) + 5
    box = np.concatenate([low, high - low]).astype(np.float32)
    image = make_image(random) if image is None else image
    if role == "2d":
        return PoseExample(key, image, None, box, joints2d=pixels.astype(np.float32))
    return PoseExample(key, image, camera, box, joints3d=pose)


def make_stores(folder, n_examples=12, names=tuple(STORES), val_every=0) -> list[Store]:
    """Stores of both roles; their examples depend on nothing but their names. Some may be of the split "val"."""
    for number, name in enumerate(names):
        skeleton_name, role = STORES[name]
        skeleton = skeletons.load(skeleton_name)
        random = np.random.default_rng(number)
        with StoreWriter(folder / name, id=name, role=role, skeleton=skeleton, licence="CC0-1.0") as writer:
            for i in range(n_examples):
                example = make_example(
                    random, f"{name}/{i:04d}", len(skeleton.joints), role, distorted=i % 4 == 3
                )
                if val_every and i % val_every == 0:
                    example = replace(example, tags={"split": "val"})
                assert writer.append(example), writer.rejected
    return [Store.open(folder / name) for name in names]
