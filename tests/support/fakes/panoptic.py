"""A fake CMU Panoptic: two cameras and up to three people in seven frames; a second sequence in the older layout."""

import json
from pathlib import Path

import numpy as np

from fakes.scene import Fake, Known, camera, person, project, projected_box, write_video
from posepile.cameras import Camera
from posepile.datasets.panoptic import Panoptic

SIZE = (1920, 1080)
NAME, OLD = "171204_pose1", "160906_band3"
VIDEOS = ("hd_00_00", "hd_00_03")
SLOTS = [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 2]  # of raw
LESS_SURE = 16  # raw joint of A
NONE = np.zeros((0, 5))
GREYS = [20 + 25 * i for i in range(6)]


def write(root: Path) -> Fake:
    frames = known_frames()
    folder = root / NAME / "hdPose3d_stage1_coco19"
    for i, people in enumerate(frames):
        _write_scene(folder / f"body3DScene_{i:08d}.json", people)
    (folder / "body3DScene_00000004.json").write_text(
        '{"version": 0.7, "bodies": [{"id": 0, "joints19": [1.5,'
    )
    _write_calibration(root / NAME)
    for video in VIDEOS:
        write_video(root / NAME / f"hdVideos/{video}.mp4", SIZE, GREYS, fps=30)
    # The older layout, with a video that is known to be broken
    _write_scene(root / OLD / "hdPose3d_stage1_coco19/hd/body3DScene_00000001.json", frames[1])
    _write_calibration(root / OLD)
    write_video(root / OLD / "hdVideos/hd_00_00.mp4", SIZE, GREYS[:2], fps=30)
    (root / OLD / "hdVideos/hd_00_03.mp4").write_bytes(b"")

    expected, detections = [], {}
    for name, video, i, person_of in (
        (NAME, 0, 1, {0: "A"}),
        (NAME, 3, 1, {0: "A"}),
        (NAME, 0, 2, {1: "B"}),
        (NAME, 3, 2, {1: "B"}),
        (NAME, 0, 3, {1: "A"}),  # from camera 3, somebody who stands behind him has his detection
        (NAME, 0, 5, {2: "C"}),  # the others' detections are too far off and too large
        (NAME, 3, 5, {0: "A", 1: "B"}),  # C is behind the camera
        (OLD, 0, 1, {0: "A"}),
    ):
        for index, who in person_of.items():
            expected.append(_known(name, video, i, index, frames[i][who]))
            found = np.append(expected[-1].box, 0.8)[np.newaxis]
            place = (name, f"hd_00_{video:02d}.mp4", i)
            detections[place] = np.concatenate([found, detections.get(place, NONE)])
    cam0, cam3 = known_camera(0), known_camera(3)
    b = projected_box(cam3, frames[3]["B"])
    detections[NAME, "hd_00_03.mp4", 3] = np.array([[*b, 0.9]])
    x, y, w, h = projected_box(cam0, frames[5]["A"], 1.25)
    far = (x - 0.9 * w, y, w, h, 0.9)
    x, y, w, h = projected_box(cam0, frames[5]["B"], 1.25)
    large = (x - 0.25 * w, y - 0.25 * h, 1.5 * w, 1.5 * h, 0.9)
    detections[NAME, "hd_00_00.mp4", 5] = np.concatenate([detections[NAME, "hd_00_00.mp4", 5], [far, large]])

    def detect(source) -> np.ndarray:
        return detections.get((source.path.parent.parent.name, source.path.name, source.frame), NONE)

    fuzzed = ("*/calibration_*.json", "*/hdPose3d_stage1_coco19/**/*.json")
    return Fake(Panoptic(), root, expected, fuzzed, detect)


def known_camera(node: int) -> Camera:
    """y is down in the world."""
    place = {0: (0, -1000, -3000), 3: (3000, -1000, 0)}[node]
    made = camera(
        place, (0, -850, 0), (0, -1, 0), 700.0 + node, (1920, 1080), [-0.1, 0.05, 0.001, -0.002, 0.01]
    )
    return made


def known_frames() -> list[dict[str, np.ndarray]]:
    """Per frame the people [19, 3] mm in raw order, in the order of the file; NaN for invalid joints."""
    a = person(19, (0, -850, 0), 1, up=1)
    b = person(19, (-800, -850, 100), 2, up=1)
    c = person(19, (4500, -850, 1000), 3, up=1)
    a[LESS_SURE] = np.nan
    weak = person(19, (500, -850, 500), 4, up=1)
    weak[5:] = np.nan
    two, three = a.copy(), a.copy()
    two[[3, 4], 0] += 120
    three[[3, 4, 5], 2] += 120
    return [
        {},
        {"weak": weak, "A": a},
        {"A": two, "B": b},
        {"B": b, "A": three},
        {"A": a + 500},  # damaged
        {"A": three + (0, 0, 110), "B": b - (0, 0, 110), "C": c},
        {"A": three - (0, 0, 500)},  # after the end of the videos
    ]


def _known(name: str, node: int, i: int, index: int, pose: np.ndarray) -> Known:
    cam = known_camera(node)
    return Known(
        key=f"{name}/hd_00_{node:02d}/{i:08d}_{index}",
        split="train",
        joints3d=pose[SLOTS],
        pixels=project(cam, pose[SLOTS]),
        box=projected_box(cam, pose, 1.1),
        grey=GREYS[i],
        tags={"sequence": name, "camera": f"00_{node:02d}", "frame": str(i)},
    )


def _write_scene(path: Path, people: dict[str, np.ndarray]) -> None:
    bodies = []
    for id, joints in enumerate(people.values()):
        is_valid = np.isfinite(joints).all(axis=1)
        confidence = np.where(is_valid, 0.5, -1)
        rows = np.where(is_valid[:, np.newaxis], joints / 10, 0)
        if not is_valid[LESS_SURE]:
            rows[LESS_SURE], confidence[LESS_SURE] = (1, 2, 3), 0.05
        bodies.append({"id": id, "joints19": np.column_stack([rows, confidence]).ravel().tolist()})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"version": 0.7, "univTime": 53541.5, "fpsType": "hd_29_97", "bodies": bodies})
    )


def _write_calibration(folder: Path) -> None:
    cameras = [{"name": "01_01", "type": "vga", "resolution": [640, 480], "panel": 1, "node": 1}]
    for node in (0, 3):
        cam = known_camera(node)
        cameras.append(
            {
                "name": f"00_{node:02d}",
                "type": "hd",
                "resolution": [1920, 1080],
                "panel": 0,
                "node": node,
                "K": cam.intrinsics.tolist(),
                "distCoef": cam.distortion[:5].tolist(),
                "R": cam.rotation.tolist(),
                "t": (-cam.rotation @ cam.position / 10)[:, np.newaxis].tolist(),
            }
        )
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"calibDataSource": "a fake", "cameras": cameras})
    (folder / f"calibration_{folder.name}.json").write_text(text)
