"""A fake SURREAL: a clip of five frames as a video, one of a single frame as an extracted image."""

from pathlib import Path

import cv2
import fake_body_models as bodies
import numpy as np
import scipy.io

from fakes.scene import STEP, Fake, Known, write_image, write_video
from posepile.datasets.surreal import Surreal

SIZE = (320, 240)
CAMERA = np.array([6.7, -1.0, -1.9])  # m
PELVIS = np.array([0.05, -1.01, -1.95])
MOVED = (0.0, 0.05, 0.11, 0.25, 0.3)  # m, at each frame
WITHOUT_MASK = 3  # counts as kept for the sampler, so that frame 4 has hardly moved
KEPT = (0, 2)


def write(root: Path) -> Fake:
    models = {0: bodies.fake_body_model("smpl", seed=0), 1: bodies.fake_body_model("smpl", seed=1)}
    bodies.write_pickle(root / "models/smpl/basicmodel_f_lbs_10_207_0_v1.1.0.pkl", models[0])
    bodies.write_pickle(root / "models/smpl/basicmodel_m_lbs_10_207_0_v1.1.0.pkl", models[1])
    expected = []
    for split, run, name, clip, gender, n in (
        ("train", "run0", "01_01", "c0001", 1, 5),
        ("train", "run0", "01_01", "c0002", 0, 1),
        ("test", "run2", "ung_104_46", "c0001", 0, 1),
    ):
        folder = root / split / run / name
        folder.mkdir(parents=True, exist_ok=True)
        stem = folder / f"{name}_{clip}"
        labels = _labels(gender, n)
        scipy.io.savemat(f"{stem}_info.mat", labels, do_compression=True)
        mask = np.zeros(SIZE[::-1], np.uint8)
        mask[60:180, 40:110] = 1 + np.arange(70) % 24
        empty = np.zeros_like(mask)
        parts = {f"segm_{i + 1}": empty if i == WITHOUT_MASK else mask for i in range(n)}
        scipy.io.savemat(f"{stem}_segm.mat", parts, do_compression=True)
        greys = [30 + 20 * i for i in range(n)]
        if n > 1:
            write_video(Path(f"{stem}.mp4"), SIZE, greys)
        else:
            write_image(stem / "frame_000000.jpg", SIZE, greys[0])
        for i in KEPT if n > 1 else (0,):
            joints = _world(models[gender], labels, i)
            expected.append(
                Known(
                    key=f"{split}/{run}/{name}/{clip}/{i:06d}",
                    split=split,
                    joints3d=joints,
                    pixels=_pixels(joints),
                    box=np.array([320 - 110 - 0.5, 60 - 0.5, 70, 120]),
                    mask=mask[:, ::-1] > 0,
                    grey=greys[i] + (STEP if n > 1 else 0),  # the video is mirrored, the image was
                    tags={"gender": ("female", "male")[gender], "sequence": name},
                )
            )
    return Fake(Surreal(body_models=root / "models"), root, expected, ("**/*_info.mat", "**/*_segm.mat"))


def _labels(gender: int, n: int) -> dict:
    rng = np.random.default_rng(gender)
    joints = np.repeat(PELVIS[:, np.newaxis] + rng.normal(scale=0.3, size=(3, 24)), n).reshape(3, 24, n)
    joints[:, 0] = PELVIS[:, np.newaxis] + np.array([[0.0], [0.0], [1.0]]) * MOVED[:n]
    labels = {
        "joints3D": joints.astype(np.float32)[..., 0] if n == 1 else joints.astype(np.float32),
        "joints2D": np.zeros((2, 24, n), np.float32),
        "pose": np.repeat(rng.normal(scale=0.4, size=(72, 1)), n, axis=1).astype(np.float32),
        "shape": np.repeat(rng.normal(size=(10, 1)), n, axis=1).astype(np.float32),
        "zrot": np.full((n, 1), 0.8, np.float32),
        "camLoc": CAMERA[:, np.newaxis].astype(np.float32),
        "gender": np.full((n, 1), gender, np.uint8),
        "sequence": "01_01_c0001",
    }
    return labels


def _world(fields: dict, labels: dict, i: int) -> np.ndarray:
    pose = labels["pose"][:, i].astype(float)
    zrot = float(labels["zrot"][i, 0])
    upright = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    yaw = np.array([[np.cos(zrot), -np.sin(zrot), 0], [np.sin(zrot), np.cos(zrot), 0], [0, 0, 1]])
    pose[:3] = cv2.Rodrigues(upright @ yaw @ cv2.Rodrigues(pose[:3])[0])[0][:, 0]
    joints, _ = bodies.slow_body(fields, pose, labels["shape"][:, i].astype(float))
    pelvis = 1000.0 * labels["joints3D"].reshape(3, 24, -1)[:, 0, i]
    return np.concatenate([joints[1:], joints[:1]]) - joints[0] + pelvis


def _pixels(joints: np.ndarray) -> np.ndarray:
    """By the release's own projection, mirrored. Its pixel (0, 0) is the image's corner."""
    rotation = np.array([[0, 0, -1], [0, 1, 0], [-1, 0, 0]])
    x, y, z = rotation @ (joints / 1000 - CAMERA.astype(np.float32)).T
    return np.stack([SIZE[0] - (600 * x / z + 160) - 0.5, 600 * y / z + 120 - 0.5], axis=1)
