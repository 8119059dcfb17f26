"""A fake ASPset-510: a clip for three cameras, one for two, one whose video is too short, one to test."""

import json
from pathlib import Path

import ezc3d
import numpy as np

from fakes.scene import Fake, Known, camera, person, project, write_video
from posepile.cameras import Camera
from posepile.datasets.aspset import LABELS, ASPset

SIZE = (384, 216)
TARGET = (0, 0, 10000)
VIEWS = {"left": (0, 0, 0), "mid": (4000, 300, 800), "right": (9000, -200, 5000)}  # positions, mm
MOVED = (0, 150, 152, 300, 420)  # mm, from the first pose on
CLIPS = {  # (subject, clip): split, view, frames in the video, kept frames
    ("04ac", "0001"): ("train", "all", 5, (0, 1, 3, 4)),
    ("04ac", "0003"): ("train", "mid", 4, (0, 1, 3)),  # the video is shorter than the labels
    ("1e28", "0002"): ("val", "all", 5, (0, 1)),  # the boxes end after frame 2
    ("aaaa", "0003"): ("test", "mid", 5, ()),
}


def write(root: Path) -> Fake:
    data, expected = root / "data", []
    data.mkdir()
    (data / "splits.csv").write_text("".join(f"{s},{c},{v[0]},{v[1]}\n" for (s, c), v in CLIPS.items()))
    for (subject, clip), (split, chosen, n_frames, kept) in CLIPS.items():
        folder = data / ("test" if split == "test" else "trainval")
        seed = int(clip)
        poses = np.repeat(person(17, TARGET, seed, up=1)[np.newaxis], len(MOVED), axis=0)
        poses[:, 3, 0] += MOVED
        write_c3d(folder / f"joints_3d/{subject}/{subject}-{clip}.c3d", poses)
        for view in VIEWS if chosen == "all" else (chosen,):
            cam = known_camera(view)
            _write_camera(folder / f"cameras/{subject}/{subject}-{view}.json", cam, is_flat=subject == "04ac")
            if subject == "1e28" and view == "right":
                continue  # no pixels
            greys = [20 + 30 * i for i in range(n_frames)]
            write_video(folder / f"videos/{subject}/{subject}-{clip}-{view}.mkv", SIZE, greys, fps=50)
            boxes = _write_boxes(folder / f"boxes/{subject}/{subject}-{clip}-{view}.csv", cam, poses, split)
            expected += [_known(subject, clip, view, split, i, poses[i], boxes[i]) for i in kept]
    return Fake(
        ASPset(),
        root,
        expected,
        ("data/splits.csv", "data/*/*/*/*.c3d", "data/*/*/*/*.csv", "data/*/*/*/*.json"),
    )


def known_camera(view: str) -> Camera:
    """The left camera's frame is the world."""
    made = camera(VIEWS[view], TARGET, (0, -1, 0), focal=1000.0, size=SIZE)
    return Camera(made.intrinsics, np.eye(3) if view == "left" else made.rotation, made.position)


def _known(subject, clip, view, split, i, pose, corners) -> Known:
    centre, half = (corners[:2] + corners[2:]) / 2, (corners[2:] - corners[:2]) / 2 * 1.1
    return Known(
        key=f"{subject}/{clip}/{view}/{i:06d}",
        split=split,
        joints3d=pose,
        pixels=project(known_camera(view), pose),
        box=np.concatenate([centre - half, 2 * half]),
        grey=20 + 30 * i,
        tags={"subject": subject, "sequence": clip, "camera": view},
    )


def write_c3d(path: Path, poses: np.ndarray) -> None:
    """Writes [T, 17, 3] mm, with the joints in another order and one more point."""
    names = [*LABELS[::-1], "extra"]
    points = np.concatenate([poses[:, ::-1], np.full((len(poses), 1, 3), 7.0)], axis=1)
    file = ezc3d.c3d()
    file["parameters"]["POINT"]["RATE"]["value"] = [50.0]
    file["parameters"]["POINT"]["LABELS"]["value"] = names
    file["parameters"]["POINT"]["UNITS"]["value"] = ["mm"]
    file["data"]["points"] = np.concatenate([points, np.ones((*points.shape[:2], 1))], axis=-1).transpose(
        2, 1, 0
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    file.write(str(path))


def _write_camera(path: Path, cam: Camera, is_flat: bool) -> None:
    intrinsics, extrinsics = np.zeros((3, 4)), np.eye(4)
    intrinsics[:, :3], extrinsics[:3, :3] = cam.intrinsics, cam.rotation
    extrinsics[:3, 3] = -cam.rotation @ cam.position
    if is_flat:
        intrinsics, extrinsics = intrinsics.ravel(), extrinsics.ravel()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"intrinsic_matrix": intrinsics.tolist(), "extrinsic_matrix": extrinsics.tolist()})
    )


def _write_boxes(path: Path, cam: Camera, poses: np.ndarray, split: str) -> np.ndarray:
    """Corners [T, 4]; of the validation clip three."""
    pixels = np.array([project(cam, pose) for pose in poses])
    corners = np.concatenate([pixels.min(axis=1) - 2, pixels.max(axis=1) + 1], axis=1)
    lines = [",".join(f"{x:.4f}" for x in row) for row in corners[: 3 if split == "val" else None]]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["x1,y1,x2,y2", *lines]) + "\n")
    return corners
