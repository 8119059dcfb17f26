"""Two sequences of 3DPW in their layout, simple to calculate with; no pixels.

The camera stands still at the origin. All coordinates are multiples of 125 mm, which metres, millimetres and float32
keep exactly.
"""

from pathlib import Path

import numpy as np
from fakes.tdpw import INTRINSICS, N, make_raw, write_raw

WRIST, HEAD = 20, 15
WAVE = 250.0  # mm along z, of the left wrist throughout "run_00"
SHOWN = {
    5: 16,
    2: 17,
    6: 18,
    3: 19,
    11: 1,
    8: 2,
    12: 4,
    9: 5,
}  # of the 18 labelled in the image: SMPL's joint


def pose(x: float = 0.0) -> np.ndarray:
    """[24, 3] mm, camera frame: pelvis at (x, 500, 4000), neck 500 above it, nothing coincides."""
    i = np.arange(24)
    joints = np.stack([125.0 * (i % 4) + x, 500 - 125.0 * (i // 4), 4000 + 125.0 * (i % 3)], axis=1)
    joints[12] = x, 0, 4000
    joints[0] = x, 500, 4000
    return joints


def write(root: Path) -> Path:
    """test/walk_00: two people, of whom each is not valid in one of four images; train/run_00: one person, waving.

    So 6 and 4 poses are scored.
    """
    walk = np.stack([np.repeat(pose(x)[None], N, axis=0) for x in (-1000.0, 1000.0)])
    run = np.repeat(pose()[None, None], N, axis=1)
    run[:, :, WRIST, 2] += WAVE
    for folder, name, joints in (("test", "walk_00", walk), ("train", "run_00", run)):
        raw = make_raw(name, joints / 1000, np.tile(np.eye(4), (N, 1, 1)))
        raw["poses2d"] = [labels2d(person) for person in joints]
        if name == "walk_00":
            raw["campose_valid"][0][1] = 0
            raw["poses2d"][1][2] = 0
        write_raw(root / f"sequenceFiles/{folder}/{name}.pkl", raw)
    return root


def labels2d(joints: np.ndarray) -> np.ndarray:
    """[T, 24, 3] mm -> [T, 3, 18]: x, y, confidence; only the joints that people are followed by."""
    labels = np.zeros((len(joints), 3, 18))
    for place, joint in SHOWN.items():
        homogeneous = joints[:, joint] @ INTRINSICS.T
        labels[:, :2, place] = homogeneous[:, :2] / homogeneous[:, 2:]
        labels[:, 2, place] = 0.9
    return labels
