"""What the fakes of Fit3D, CHI3D and HumanSC3D share: two recordings, two of the four cameras."""

import json
import shutil
from pathlib import Path

import numpy as np

from fakes.scene import Fake, Known, camera, person, write_video
from posepile.cameras import Camera

CAMERAS = ("50591643", "58860488", "60457274", "65906101")
WITH_VIDEO = {"50591643": (4000, 200, 1500), "65906101": (-1500, 3500, 1300)}  # positions, mm
RAW_JOINTS = (
    "pelv lhip lkne lank rhip rkne rank spin neck head htop lsho lelb lwri rsho relb rwri lfoo ltoe rfoo rtoe lthu "
    "lfin rthu rfin"
).split()
SIZE = (300, 300)
K, P = (-0.145, 0.112, 0.003), (-0.0072, 0.0062)
# mm that the left wrist is from where it is at first, by frame of the video. It comes back to where it was in frame 3
MOVED = (0, 60, 120, 0, 240, 250, 360)
WITHOUT_DETECTION = 4  # this frame, whose pose counts as kept all the same
KEPT = (0, 2, 6)
N_SURPLUS = 2  # frames without a pose


def write(root: Path, dataset, actions: tuple[str, str], has_pairs: bool = False) -> Fake:
    """The first action has a pose a frame, the second four; with `has_pairs`, the first those of two people."""
    subjects = {"s03": list(actions), "s99": [actions[0]]}
    info = {"train_subj_names": ["s03", "s04"], "subj_to_act": subjects, "all_camera_names": CAMERAS}
    (root / f"{dataset.facts.id}_info.json").write_text(json.dumps(info))
    expected, detections = [], {}
    for action, step in zip(actions, (1, 4), strict=True):
        poses = known_poses(step)
        _write_json(root / f"train/s03/joints3d_25/{action}.json", _stored(poses, has_pairs and step == 1))
        for name in WITH_VIDEO:
            _write_json(root / f"train/s03/camera_parameters/{name}/{action}.json", _parameters(name))
            video = root / f"train/s03/videos/{name}/{action}.mp4"
            write_video(video, SIZE, [20 + 15 * i for i in range(len(MOVED) + N_SURPLUS)], fps=50)
            detections |= {(video, i): _detections(name, poses[step * i], i) for i in range(len(MOVED))}
            expected += [_known(action, name, i, step, poses[step * i]) for i in KEPT]
    shutil.copytree(root / "train/s03", root / "train/s99")
    fuzzed = ("*.json", "train/s03/*/*.json", "train/s03/*/*/*.json")
    return Fake(dataset, root, expected, fuzzed, lambda source: detections[source.path, source.frame])


def known_poses(step: int) -> np.ndarray:
    """[step T, 25, 3] mm; those between the frames are far away."""
    poses = np.repeat(person(25, at=(0, 0, 900), seed=step)[np.newaxis], step * len(MOVED), axis=0)
    poses[:, RAW_JOINTS.index("lwri"), 0] += 1000 * np.arange(len(poses))
    poses[::step] = poses[0]
    poses[::step, RAW_JOINTS.index("lwri"), 0] += MOVED
    return poses


def known_camera(name: str) -> Camera:
    """Without its distortion."""
    return camera(WITH_VIDEO[name], (0, 0, 900), focal=346.0, size=SIZE)


def project(name: str, joints: np.ndarray) -> np.ndarray:
    """[J, 2] px by the owners' own formula."""
    cam, (k1, k2, k3), (p1, p2) = known_camera(name), K, P
    pixels = []
    for joint in joints:
        x, y, z = cam.rotation @ (joint - cam.position)
        x, y = x / z, y / z
        r2 = x * x + y * y
        common = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3 + p2 * x + p1 * y
        (fx, _, cx), (_, fy, cy), _ = cam.intrinsics
        pixels.append((fx * (x * common + p2 * r2) + cx, fy * (y * common + p1 * r2) + cy))
    return np.array(pixels)


def _known(action: str, name: str, frame: int, step: int, pose: np.ndarray) -> Known:
    h36m = (
        "rhip rkne rank rfoo rtoe lhip lkne lank lfoo ltoe spin neck head htop lsho lelb lwri lthu lfin rsho relb "
        "rwri rthu rfin pelv"
    ).split()
    joints = np.array([pose[RAW_JOINTS.index(joint)] for joint in h36m])
    return Known(
        key=f"s03/{action}/{name}/{step * frame:06d}",
        split="train",
        joints3d=joints,
        pixels=project(name, joints),
        box=_detections(name, pose, frame)[1][:4],
        grey=20 + 15 * frame,
        tags={"subject": "s03", "activity": action, "camera": name, "frame": str(frame)},
    )


def _detections(name: str, pose: np.ndarray, frame: int) -> np.ndarray:
    """Somebody else, and the person, a little off; in one frame nobody, or hardly half the person."""
    pixels = project(name, pose)
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    middle, size = (low + high) / 2, 1.2 * (high - low)
    x, y, w, h = (*(middle - size / 2), *size)
    if frame == WITHOUT_DETECTION:
        return np.array([(x, y, w, 0.49 * h, 0.9)] if name == CAMERAS[0] else np.zeros((0, 5)))
    return np.array([(x + w, y, w, h, 0.95), (x + 3, y - 4, w, 0.9 * h, 0.6)])


def _stored(poses: np.ndarray, is_pair: bool) -> dict:
    """Metres; of a pair the second person is where nobody is expected."""
    return {"joints3d_25": (np.array([poses, poses + 3000]) if is_pair else poses) / 1000}


def _parameters(name: str) -> dict:
    cam = known_camera(name)
    f, c = [np.diag(cam.intrinsics)[:2]], [cam.intrinsics[:2, 2]]
    return {
        "extrinsics": {"R": cam.rotation, "T": [cam.position / 1000]},
        "intrinsics_w_distortion": {"f": f, "c": c, "k": [K], "p": [P]},
        "intrinsics_wo_distortion": {"f": [1000.0, 1000.0], "c": [450.0, 450.0]},
    }


def _write_json(path: Path, contents: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(contents, default=lambda array: array.tolist()))
