"""A fake AIST++: a dance of two good views, one at half the rate; one to test, at 59.94 frames/s; one to ignore."""

import json
import pickle
from pathlib import Path

import cv2
import numpy as np

from fakes.scene import Fake, Known, person, project, projected_box, write_video
from posepile.cameras import Camera
from posepile.datasets.aist import Aist

DANCE = "gBR_sBM_cAll_d04_mBR0_ch01"  # whose view c05 is not synchronous
TESTED, IGNORED = "gLO_sFM_cAll_d13_mLO0_ch02", "gKR_sBM_cAll_d28_mKR0_ch01"
SIZE = (1920, 1080)
MOVED = (0, 3, 18, 19, 34, 35)  # cm, from the first pose on
KEPT = (0, 2, 4)
SLOTS = [17, 0, 5, 7, 9, 11, 13, 15, 6, 8, 10, 12, 14, 16, 1, 3, 2, 4, 18]  # of raw, neck and pelvis
GREYS = [20 + 30 * i for i in range(6)]


def write(root: Path) -> Fake:
    labels, videos = root / "annotations", root / "videos"
    _write_cameras(labels / "cameras")
    poses = {name: _poses(i) for i, name in enumerate((DANCE, TESTED, IGNORED))}
    (labels / "keypoints3d").mkdir(parents=True)
    for name, joints in poses.items():
        wrong = {"keypoints3d": joints[:, :17] / 10 + 5, "keypoints3d_optim": joints[:, :17] / 10}
        (labels / f"keypoints3d/{name}.pkl").write_bytes(pickle.dumps(wrong))
    (labels / "splits").mkdir()
    for split, names in (("train", [DANCE]), ("val", []), ("test", [TESTED])):
        (labels / f"splits/pose_{split}.txt").write_text("".join(f"{name}\n" for name in names))
    (labels / "ignore_list.txt").write_text(f"{IGNORED}\n")
    for dance, view, fps, n in (
        (DANCE, 1, 60, 6), (DANCE, 2, 30, 2), (DANCE, 5, 60, 6), (DANCE, 10, 60, 6), (TESTED, 9, 59.94, 6),
        (IGNORED, 1, 60, 6),
    ):  # fmt: skip
        write_video(videos / f"{_video(dance, view)}.mp4", SIZE, GREYS[:n], fps=fps)
    expected = [_known(DANCE, 1, "train", i, i, poses[DANCE][i]) for i in KEPT]
    expected += [_known(DANCE, 2, "train", i, i // 2, poses[DANCE][i]) for i in (0, 2)]  # ends before row 4
    # At 59.94 frames/s, frame 1 is shown a little after row 1's time, and so on
    expected += [_known(TESTED, 9, "test", i, max(i - 1, 0), poses[TESTED][i]) for i in KEPT]
    fuzzed = ("annotations/*/*.pkl", "annotations/*/*.json", "annotations/**/*.txt")
    return Fake(Aist(), root, expected, fuzzed)


def known_camera(view: int) -> Camera:
    """In mm; y up in the world, down in the camera."""
    turn = cv2.Rodrigues(np.array([0, 0.15 * (view - 1), 0], float))[0]
    rotation = np.diag([1.0, -1.0, -1.0]) @ turn
    intrinsics = [[1600.0 + view, 0, 960], [0, 1602, 540], [0, 0, 1]]
    return Camera(intrinsics, rotation, -rotation.T @ [0, 1000, 5000], [0.05, -0.08, 0.001, -0.0005, 0.02])


def _poses(seed: int) -> np.ndarray:
    """[6, 19, 3] mm: COCO's joints, neck and pelvis."""
    joints = person(17, (0, 900, 0), seed, up=1)
    joints = np.concatenate([joints, [joints[[5, 6]].mean(axis=0), joints[[11, 12]].mean(axis=0)]])
    poses = np.repeat(joints[np.newaxis], 6, axis=0)
    poses[:, 9, 0] += 10.0 * np.array(MOVED)
    return poses


def _video(dance: str, view: int) -> str:
    return dance.replace("cAll", f"c{view:02d}")


def _known(dance: str, view: int, split: str, row: int, frame: int, pose: np.ndarray) -> Known:
    cam = known_camera(view)
    return Known(
        key=f"{_video(dance, view)}/{row:06d}",
        split=split,
        joints3d=pose[SLOTS],
        pixels=project(cam, pose[SLOTS]),
        box=projected_box(cam, pose, 1.15),
        grey=GREYS[frame],
        tags={"sequence": dance, "camera": f"c{view:02d}", "subject": "d04" if dance == DANCE else "d13"},
    )


def _write_cameras(folder: Path) -> None:
    cameras = []
    for view in range(1, 10):
        cam = known_camera(view)
        cameras.append(
            {
                "name": f"c{view:02d}",
                "size": [1920, 1080],
                "matrix": cam.intrinsics.tolist(),
                "rotation": cv2.Rodrigues(cam.rotation)[0].ravel().tolist(),
                "translation": (-cam.rotation @ cam.position / 10).tolist(),
                "distortions": cam.distortion[:5].tolist(),
            }
        )
    folder.mkdir(parents=True)
    (folder / "mapping.txt").write_text("".join(f"{name} setting4\n" for name in (IGNORED, DANCE, TESTED)))
    (folder / "setting4.json").write_text(json.dumps(cameras))
