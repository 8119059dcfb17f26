"""A fake PoseTrack: a video to train and one to validate, three frames each."""

import json
from pathlib import Path

import numpy as np

from fakes.scene import Fake, Known, write_image
from posepile.datasets.posetrack import PoseTrack

HEAD = [100, 50, 24, 32]  # diagonal 40: 20 px count as movement
SIZES = [(400, 300), (320, 340), (400, 300)]


def write(root: Path) -> Fake:
    expected = _write_video(root, "train", "000001_x_train") + _write_video(root, "val", "000002_y_val")
    _write_video(root, "test", "000003_z_test")
    fuzzed = ("posetrack_data/annotations/*/*.json",)
    return Fake(PoseTrack(), root, expected, fuzzed, detect)


def detect(source) -> np.ndarray:
    """A is found 4 px too far to the right, C exactly, and somebody else."""
    return np.array([(250, 50, 90, 220, 0.9), (114, 60, 100, 200, 0.8), (0, 0, 15, 15, 0.3)], float)


def _write_video(root: Path, split: str, video: str) -> list[Known]:
    a, c = _pixels(110, 60, seed=1), _pixels(250, 50, seed=2)
    without_knees = c.copy()
    without_knees[[13, 14]] = np.nan
    a_moved = a + np.array([[0.0, 0], [19.9, 0], [16, 12]])[:, np.newaxis]  # since frame 0: 19.9 px, then 20
    frames = [  # (joints of A, of C); A is kept in 0 and 2, C in 0 and 1
        (a_moved[0], without_knees),
        (a_moved[1], c),
        (a_moved[2], c + 5),
    ]
    images, annotations = [], []
    folder = f"images/{split}/{video}"
    for i, poses in enumerate(frames):
        write_image(root / f"{folder}/{i:06d}.jpg", SIZES[i], 40 + 40 * i)
        images.append({"id": 10000010000 + i, "file_name": f"{folder}/{i:06d}.jpg", "is_labeled": True})
        boxes = ([110, 60, 100, 200], [250, 50, 90, 220])
        for track, (pose, box) in enumerate(zip(poses, boxes, strict=True)):
            if track == 0:
                annotations.append(_annotation(i, 7, a, None))  # B has no box
            annotations.append(_annotation(i, track, pose, box))
        annotations.append(_annotation(i, 8, a + 100, [5, 250, 40, 40]))  # D is not found
    file = root / f"posetrack_data/annotations/{split}/{video}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"images": images[::-1], "annotations": annotations}))
    found = detect(None)
    return [
        Known(
            key=f"{split}/{video}/{i:06d}_{track:02d}",
            split=split,
            pixels=frames[i][track],
            box=found[1 - track, :4],
            grey=40 + 40 * i,
            tags={"subject": f"{video}/{track}"},
        )
        for i, track in ((0, 0), (0, 1), (1, 1), (2, 0))
    ]


def _pixels(x: int, y: int, seed: int) -> np.ndarray:
    pixels = np.random.default_rng(seed).uniform((x, y), (x + 90, y + 200), size=(17, 2))
    pixels[3:5] = np.nan  # ears
    return pixels


def _annotation(i: int, track: int, pixels: np.ndarray, box: list | None) -> dict:
    is_valid = np.isfinite(pixels).all(axis=1)
    keypoints = np.column_stack([np.nan_to_num(pixels), is_valid])
    annotation = {
        "image_id": 10000010000 + i,
        "track_id": track,
        "keypoints": keypoints.ravel().tolist(),
        "bbox_head": HEAD,
    }
    return annotation if box is None else annotation | {"bbox": box}
