"""A fake HUMAN4D: two devices on their side, three recordings of two subjects."""

import json
from pathlib import Path

import numpy as np

from fakes.scene import Fake, Known, person, write_image
from posepile.datasets.human4d import Human4D

SIZE = (1280, 720)
SMALL = (64, 36)  # of the pictures, whose pixels say nothing here
OFFSET = 20
KEPT_JOINTS = [j for j in range(33) if j != 15]
# Rotation to the world and position, mm, of the depth cameras. Image +x points down
EXTRINSICS = {
    "M72e": np.array([[0, -1, 0], [0, 0, 1], [-1, 0, 0], [0, -2500, 200]], float),
    "M72h": np.array([[0, 0, -1], [0, -1, 0], [-1, 0, 0], [2600, 50, 150]], float),
}
INTRINSICS = np.array([[920, 0, 640], [0, 921, 360], [0, 0, 1]], float)
ANGLE = 0.02
COLOUR_TO_DEPTH = np.array([[np.cos(ANGLE), -np.sin(ANGLE), 0], [np.sin(ANGLE), np.cos(ANGLE), 0], [0, 0, 1]])
SHIFT = np.array([0.015, -0.002, 0.001])  # m
RECORDINGS = {"S1": ("19-07-12-07-32-22", "19-07-12-09-09-06"), "S3": ("19-07-11-12-00-00",)}
# Of image groups 18 to 22 of each recording: mm from the start. Poses of S1's second recording are known from the
# first; S3 has another body.
MOVED = {18: 0, 19: 0, 20: 50, 21: 300, 22: 430}


def write(root: Path) -> Fake:
    expected, detections = [], {}
    for subject, recordings in RECORDINGS.items():
        folder = root / subject
        (folder / "pose").mkdir(parents=True)
        for device, numbers in EXTRINSICS.items():
            np.savetxt(folder / f"pose/{device}.extrinsics", numbers, fmt="%.6f")
        repository = folder if subject == "S3" else root
        (repository / "device_repository.json").write_text(
            json.dumps([_device("M72x"), *map(_device, EXTRINSICS)])
        )
        lines = [f"{recording}\t{OFFSET}\t-3" for recording in recordings]
        (folder / "offsets.txt").write_text("\n".join(lines) + "\n")
        for recording in recordings:
            dump = folder / recording / "Dump"
            _write_poses(dump / "gposes3d", subject)
            for device in EXTRINSICS:
                for group in MOVED:
                    name = f"{group}_{device}_color_{1000 - group if device == 'M72h' else group}"
                    write_image(dump / f"color/{name}.png", SMALL, 5 * group)
                    box = _box(device, _pose(subject, group))
                    detections[recording, name] = _detections(box, is_bad=group == 22 and subject == "S3")
                    # 18 has no pose, 19 is the first, 20 hardly moved
                    is_known_pose = recording == RECORDINGS["S1"][1]
                    if group in (19, 21, 22) and not is_known_pose and not (group == 22 and subject == "S3"):
                        expected.append(_known(device, subject, recording, name, group, box))
    fuzzed = ("**/*.json", "**/offsets.txt", "**/*.extrinsics", "**/*.npy")
    return Fake(Human4D(), root, expected, fuzzed, lambda source: detections[_place(source)])


def _pose(subject: str, group: int) -> np.ndarray:
    """[33, 3] mm."""
    return person(33, (MOVED[group], 0, 0), seed=int(subject[1]))


def _write_poses(folder: Path, subject: str) -> None:
    """Pose k is of image group k + 19: the offset's first image has pose 1."""
    folder.mkdir(parents=True)
    for group in (19, 20, 21, 22):
        np.save(folder / f"{group - OFFSET + 1}.npy", _pose(subject, group)[np.newaxis].astype(np.float32))


def _device(name: str) -> dict:
    key = f"{SIZE[0]}x{SIZE[1]}"
    return {
        "Device": name,
        "Color Intrinsics": [{key: INTRINSICS.ravel().tolist()}],
        "Depth Intrinsics": [{key: (0.9 * INTRINSICS).ravel().tolist()}],
        "Color Depth Rotation": COLOUR_TO_DEPTH.ravel().tolist(),
        "Color Depth Translation": SHIFT.tolist(),
    }


def project(device: str, points: np.ndarray) -> np.ndarray:
    """[n, 3] mm to px, in the three steps of the authors' code."""
    numbers = EXTRINSICS[device]
    depth = np.linalg.solve(numbers[:3], (points - numbers[3]).T)
    colour = np.linalg.solve(COLOUR_TO_DEPTH, depth - 1000 * SHIFT[:, np.newaxis])
    x, y, z = INTRINSICS @ colour
    return np.stack([x / z, y / z], axis=1)


def _box(device: str, pose: np.ndarray) -> np.ndarray:
    """A detection a little wider than the joints; whole px."""
    pixels = project(device, pose)
    low, high = np.floor(pixels.min(axis=0)) - 6, np.ceil(pixels.max(axis=0)) + 8
    return np.concatenate([low, high - low])


def _detections(box: np.ndarray, is_bad: bool) -> np.ndarray:
    """Boxes [n, 5] in the image turned upright. Its column is 719 minus the row."""
    x, y, w, h = box
    upright = (719 - (y + h), x, h, w, 0.7)
    return np.array([(0, 0, 50, 60, 0.9), (0, 0, 40, 90, 0.8) if is_bad else upright])


def _place(source) -> tuple[str, str]:
    assert source.quarter_turns == 1  # what a detector knows is upright people
    return source.path.parent.parent.parent.name, source.path.stem


def _known(device: str, subject: str, recording: str, name: str, group: int, box: np.ndarray) -> Known:
    joints = _pose(subject, group)[KEPT_JOINTS]
    return Known(
        key=f"{device}/{subject}/{recording}/{name}",
        split="train",
        joints3d=joints,
        pixels=project(device, joints),
        box=box,
        grey=5 * group,
        tags={"subject": subject, "camera": device},
    )
