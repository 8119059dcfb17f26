"""A fake 3DPW: two people before a moving camera in the test split, and one in the validation split."""

import pickle
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from fakes.scene import Fake, Known, person, projected_box, write_image
from posepile.cameras import Camera
from posepile.datasets.tdpw import TDPW

SIZE = (320, 240)
INTRINSICS = np.array([[260.0, 0, 158], [0, 262, 121], [0, 0, 1]])
N = 4
SLOTS = [*range(1, 24), 0]  # of raw: pelvis last


def write(root: Path) -> Fake:
    expected = []
    for folder, split, name, n_people in (
        ("test", "test", "demo_00", 2),
        ("validation", "val", "walk_01", 1),
    ):
        joints, cam_poses = make_world(n_people)
        raw = make_raw(name, joints, cam_poses)
        if name == "demo_00":
            raw["campose_valid"][0][1] = 0
            raw["poses2d"][1][2] = 0
        write_raw(root / f"sequenceFiles/{folder}/{name}.pkl", raw)
        for i in range(N):
            write_image(root / f"imageFiles/{name}/image_{i:05d}.jpg", SIZE, 30 + 30 * i)
            for p in range(n_people):
                if (name, i, p) not in (("demo_00", 1, 0), ("demo_00", 2, 1)):
                    expected.append(_known(f"{folder}/{name}", split, i, p, joints[p, i], cam_poses[i]))
    (root / "__MACOSX").mkdir()
    return Fake(TDPW(), root, expected, ("sequenceFiles/*/*.pkl",))


def _known(name: str, split: str, i: int, p: int, world: np.ndarray, cam_pose: np.ndarray) -> Known:
    joints = 1000 * np.array([cam_pose[:3, :3] @ joint + cam_pose[:3, 3] for joint in world[SLOTS]])
    homogeneous = joints @ INTRINSICS.T
    return Known(
        key=f"{name}/{i:05d}/{p}",
        split=split,
        joints3d=joints,
        pixels=homogeneous[:, :2] / homogeneous[:, 2:],
        box=projected_box(Camera(INTRINSICS), joints, 1.15),
        grey=30 + 30 * i,
        tags={"sequence": name.split("/")[1], "frame": str(i), "person": str(p), "gender": "mf"[p]},
    )


def make_world(n_people: int) -> tuple[np.ndarray, np.ndarray]:
    """Joints [P, N, 24, 3] and world-to-camera matrices [N, 4, 4], metres; the camera moves and turns."""
    joints = np.empty((n_people, N, 24, 3))
    for p, i in np.ndindex(n_people, N):
        joints[p, i] = person(24, (700 * p, 100 * i, 900), seed=p, up=2) / 1000
        joints[p, i, [0, 12]] = np.array([(0.7 * p, 0.1 * i, 0.9), (0.7 * p, 0.1 * i, 1.4)])  # pelvis, neck
    cam_poses = np.tile(np.eye(4), (N, 1, 1))
    for i in range(N):
        rotation = Rotation.from_euler("xyz", (92, 4 * i, 3), degrees=True).as_matrix()
        cam_poses[i, :3, :3] = rotation
        cam_poses[i, :3, 3] = -rotation @ (0.3 + 0.1 * i, -4, 1)
    return joints, cam_poses


def make_raw(name: str, joints: np.ndarray, cam_poses: np.ndarray) -> dict:
    n_people = len(joints)
    return {
        "sequence": name,
        "cam_intrinsics": INTRINSICS,
        "cam_poses": cam_poses,
        "jointPositions": [joints[p].reshape(N, 72) for p in range(n_people)],
        "poses2d": [np.full((N, 3, 18), 50.0) for _ in range(n_people)],
        "campose_valid": [np.ones(N, int if p else bool) for p in range(n_people)],
        "genders": ["m", "f"][:n_people],
        "poses": [np.zeros((N, 72)) for _ in range(n_people)],
        "betas": [np.zeros(10 if p else 300) for p in range(n_people)],
        "trans": [np.zeros((N, 3)) for _ in range(n_people)],
        "img_frame_ids": 2 * np.arange(N),
    }


def write_raw(path: Path, raw: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(raw, protocol=2))
