"""A fake UMPM: two people and one, four cameras; videos and extracted frames, files that name a wrong calibration."""

import json
from pathlib import Path

import cv2
import ezc3d
import numpy as np

from fakes.scene import Fake, Known, camera, person, project, projected_box, write_image, write_video
from posepile.cameras import Camera
from posepile.datasets.umpm import Umpm

SIZE = (644, 484)
TARGET = (0, 0, 900)
PLACES = {"f": (300, -4500, 1300), "s": (4600, 200, 1200), "r": (3000, 3600, 1500), "l": (-4400, 300, 1400)}
# Of both people, in the frames of the video: how far one wrist has moved (mm), and how far the whole person
WRIST = (0, 40, 150, 40, 300, 500)
PERSON = (0, 500, 0, 200, 100, 0)
KEPT = (0, 2, 4)  # 1 is a step aside, 3 goes back to a known pose; at 5 nobody is detected
INVALID = 8  # joint of person 1, lwri, in the first frame only: kept at 1, when it appears
UNDETECTED = 5


def write(root: Path) -> Fake:
    expected, boxes = [], {}
    for name, n_people in (("p2_fake_1", 2), ("p1_grab_3", 1), ("p3_circle_2", 1), ("p2_free_2", 1)):
        cameras = {c: _camera(c, right=name != "p3_circle_2") for c in PLACES}
        poses = known_poses(n_people)
        _write_json(root / f"{name}.json", name)
        _write_c3d(root / f"Groundtruth/{name}_vm.c3d", poses)
        for c in "fsrl" if name == "p2_fake_1" else "r":
            _write_pixels(root / f"Video/{name}_{c}", is_video=c != "s")
            if name != "p2_free_2":
                known = _known(name, c, cameras[c], poses)
                expected += [k for k in known if not isinstance(k, tuple)]
                boxes |= _detections(name, c, cameras[c], poses)
    for c in PLACES:
        for calibration, right in (("calib_x01", True), ("calib_l06", False)):
            _write_camera(root / f"Calib/{calibration}_{c}.ini", _camera(c, right))
    # "p3_circle_2" names another sequence's calibration
    (root / "p3_circle_2.json").write_text("{}")

    def detect(source):
        place = source.path.parent.name if source.frame is None else source.path.stem
        i = int(source.path.stem[-6:]) if source.frame is None else source.frame
        return np.reshape(boxes[place, i], (-1, 5))

    return Fake(Umpm(), root, expected, ("*.json", "Groundtruth/*.c3d", "Calib/*.ini"), detect)


def known_poses(n_people: int) -> np.ndarray:
    """[6, P, 15, 3] mm."""
    first = np.stack([person(15, (700 * p - 300, 0, 900), seed=p) for p in range(n_people)])
    poses = np.repeat(first[np.newaxis], len(WRIST), axis=0)
    poses += np.array(PERSON)[:, np.newaxis, np.newaxis, np.newaxis] * (0.0, 1.0, 0.0)
    poses[:, :, 5, 2] += np.array(WRIST)[:, np.newaxis]
    if n_people == 2:
        poses[0, 1, INVALID] = np.nan
    return poses


def _known(name: str, c: str, cam: Camera, poses: np.ndarray) -> list[Known]:
    found = []
    for p in range(poses.shape[1]):
        for i in (0, 1, 2, 4) if p == 1 else KEPT:
            found.append(
                Known(
                    key=f"{name}_{c}/{i:06d}_{p}",
                    split="train",
                    joints3d=poses[i, p],
                    pixels=project(cam, poses[i, p]),
                    box=_detection(cam, poses[i, p]),
                    grey=20 + 30 * i,
                    tags={"sequence": name, "camera": c, "frame": str(i), "person": str(p)},
                )
            )
    return found


def _detection(cam: Camera, pose: np.ndarray) -> np.ndarray:
    return projected_box(cam, pose, 1.15) + (2, 1, -3, -4)


def _detections(name: str, c: str, cam: Camera, poses: np.ndarray) -> dict:
    """The people from the last to the first, and somebody else."""
    found = {}
    for i, people in enumerate(poses):
        boxes = [[*_detection(cam, pose), 0.7] for pose in people[::-1]] if i != UNDETECTED else []
        found[f"{name}_{c}", i] = [[5, 5, 40, 60, 0.99], *boxes]
    return found


def _camera(c: str, right: bool) -> Camera:
    x, y, z = PLACES[c]
    position = (x, y, z) if right else (x + 300, y, z)
    return camera(position, TARGET, focal=520.0, size=SIZE, distortion=[-0.2, 0.1, 0.001, -0.001])


def _write_camera(path: Path, cam: Camera) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    turn = cv2.Rodrigues(cam.rotation)[0].ravel()
    rows = [*cam.intrinsics, cam.distortion[:4], turn, -cam.rotation @ cam.position]
    path.write_text("".join("  ".join(f"{x:.10g}" for x in row) + " \n" for row in rows))


def _write_json(path: Path, name: str) -> None:
    facts = {"id": name, "calib": "calib_x01", "bg": "backgr_x01_1", "video_dir": "Video"}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts, indent=1).replace("\n}", ",\n}"))


def _write_c3d(path: Path, poses: np.ndarray) -> None:
    """At twice the rate of the video, with a wild pose in between."""
    t, p = poses.shape[:2]
    rows = np.repeat(poses, 2, axis=0)
    rows[1::2] += 400 * np.random.default_rng(0).normal(size=rows[1::2].shape)
    points = rows.reshape(2 * t, p * 15, 3)
    file = ezc3d.c3d()
    file["parameters"]["POINT"]["RATE"]["value"] = [100.0]
    file["parameters"]["POINT"]["UNITS"]["value"] = ["mm"]
    file["parameters"]["POINT"]["LABELS"]["value"] = [f"{'AB'[k // 15]}:{k % 15}" for k in range(15 * p)]
    file["data"]["points"] = np.concatenate([points, np.ones((*points.shape[:2], 1))], axis=-1).T
    path.parent.mkdir(parents=True, exist_ok=True)
    file.write(str(path))


def _write_pixels(path: Path, is_video: bool) -> None:
    greys = [20 + 30 * i for i in range(len(WRIST))]
    if is_video:
        write_video(path.with_name(f"{path.name}.avi"), SIZE, greys, fps=50)
        return
    for i, grey in enumerate(greys):
        write_image(path / f"frame_{i:06d}.jpg", SIZE, grey)
