"""A fake IKEA ASM: one scan of three cameras, two as videos, and two scans that are no scans."""

import json
import pickle
from pathlib import Path

import numpy as np

from fakes.scene import Fake, Known, camera, person, project, projected_box, write_image, write_video
from posepile.cameras import Camera
from posepile.datasets.ikea import Ikea

SIZE = (1920, 1080)
SCAN = "0001_black_table_02_01_2019_08_16_14_00"
TARGET = (0, 100, 3000)
POSITIONS = {"dev1": (-2000, 0, 800), "dev2": (0, 0, 0), "dev3": (1800, -300, 400)}  # mm, dev2's frame
WRIST, HIDDEN = 9, 7  # the joint that moves, and the one that is missing at first
# mm, by frame; at last all joints do
MOVED = {0: 0, 1: 0, 3: 50, 4: 120, 5: 150, 6: 250, 8: 20000}
KEPT = (0, 1, 6)
OUT_OF_SIGHT = 8
FAR_OFF, NOBODY = 4, 6  # frames where the detector finds only somebody else, and where it finds nobody


def write(root: Path) -> Fake:
    _write_calibration(root / "Calibration/camera_parameters.pkl")
    folder = root / f"Lack_TV_Bench/{SCAN}"
    expected, detections = [], {}
    for name in POSITIONS:
        for frame in MOVED:
            _write_pose(folder / f"{name}/pose3d/{frame:06d}.json", name, known_pose(frame))
            image = folder / f"{name}/images/{frame:06d}.jpg"
            where = (folder / f"{name}/images/scan_video.avi", frame)
            if name == "dev3":
                write_image(image, SIZE, 20 + 10 * frame)
                where = (image, None)
            detections[where] = _detections(name, frame)
        if name != "dev3":
            write_video(folder / f"{name}/images/scan_video.avi", SIZE, [20 + 10 * i for i in range(9)])
        expected += [_known(name, frame) for frame in KEPT]
    for other in (f"special_test/{SCAN}", "Lack_TV_Bench/special_test"):
        _write_pose(root / other / "dev1/pose3d/000000.json", "dev1", known_pose(0))
    (folder / "dev3/pose2d").mkdir()
    (folder / "dev3/pose2d/000000.json").write_text("{}")
    fuzzed = ("*/*/*/pose3d/*.json", "Calibration/*.pkl")
    return Fake(Ikea(), root, expected, fuzzed, lambda source: detections[source.path, source.frame])


def known_camera(name: str) -> Camera:
    """dev2 is the world."""
    made = camera(POSITIONS[name], TARGET, (0, -1, 0), focal=1000.0, size=SIZE)
    return Camera(made.intrinsics, np.eye(3) if name == "dev2" else made.rotation, made.position)


def known_pose(frame: int) -> np.ndarray:
    """[17, 3] mm, world."""
    pose = person(17, TARGET, seed=3, up=1)
    if frame == OUT_OF_SIGHT:
        pose[:, 1] += MOVED[frame]
    else:
        pose[WRIST, 0] += MOVED[frame]
    if frame == 0:
        pose[HIDDEN] = np.nan
    return pose


def _known(name: str, frame: int) -> Known:
    pose = known_pose(frame)
    reference = projected_box(known_camera(name), pose, 1.2)
    return Known(
        key=f"Lack_TV_Bench/{SCAN}/{name}/{frame:06d}",
        split="train",
        joints3d=pose,
        pixels=project(known_camera(name), pose),
        box=reference if frame == NOBODY else _detections(name, frame)[1, :4],
        grey=20 + 10 * frame,
        tags={"subject": "0001", "sequence": SCAN, "camera": name},
    )


def _detections(name: str, frame: int) -> np.ndarray:
    """Somebody with whom the person has little in common, and half the person."""
    if frame == NOBODY:
        return np.zeros((0, 5))
    x, y, w, h = projected_box(known_camera(name), known_pose(frame), 1.2)
    other, half = (x + 0.8 * w, y, w, h, 0.9), (x, y, w, h / 2, 0.3)
    return np.array([other] if frame == FAR_OFF else [other, half])


def _write_calibration(path: Path) -> None:
    cameras = {}
    for name in POSITIONS:
        cam = known_camera(name)
        translation = -cam.rotation @ cam.position[:, np.newaxis] / 10
        p = cam.intrinsics @ np.hstack([cam.rotation, translation])
        cameras[name] = {
            "K": cam.intrinsics, "dist_coefs": np.zeros((1, 5)), "R": cam.rotation, "T": translation, "P": p,
        }  # fmt: skip
    path.parent.mkdir(parents=True)
    path.write_bytes(pickle.dumps({"01": {}, "02": cameras}, protocol=3))


def _write_pose(path: Path, name: str, pose: np.ndarray) -> None:
    """cm, the camera's own frame."""
    cam = known_camera(name)
    centimetres = (pose - cam.position) @ cam.rotation.T / 10
    numbers = np.column_stack([np.nan_to_num(centimetres), np.isfinite(pose[:, 0]) * 0.5])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"format": "ikea", "pose_keypoints_3d": numbers.ravel().tolist()}))
