"""Two test images of 3DOH50K, in its layout, of a person simple to calculate with; the images are empty files."""

import json
from pathlib import Path

import numpy as np

ANKLE, HIP, HEAD = 0, 2, 13
WAVE = 200.0  # mm along z, of the head in the second image
INTRINSICS = np.array([[1000.0, 0, 500], [0, 1000, 500], [0, 0, 1]])


def pose() -> np.ndarray:
    """[14, 3] mm, camera frame: 70 mm, half a unit of the files, from joint to joint; the hips at x = 140 and 210."""
    i = np.arange(14)
    return np.stack([70.0 * i, 35.0 * i, 4200 + 0.0 * i], axis=1)


def write(root: Path) -> Path:
    folder = root / "testset"
    (folder / "images").mkdir(parents=True)
    entries = {}
    for name, wave in (("00007", 0), ("00003", WAVE)):
        joints = pose()
        joints[HEAD, 2] += wave
        pixels = joints @ INTRINSICS.T
        pixels = pixels[:, :2] / pixels[:, 2:]
        extrinsics = np.eye(4)
        extrinsics[:3, :3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]  # which must not matter
        extrinsics[:3, 3] = 1, 2, 3
        entries[name] = {
            "lsp_joints_3d": (joints * 7 / 1000).tolist(),
            "lsp_joints_2d": pixels.tolist(),
            "intri": INTRINSICS.tolist(),
            "extri": extrinsics.tolist(),
            "bbox": [pixels.min(axis=0).tolist(), (pixels.max(axis=0) + 1).tolist()],
            "scale": [7.0],
        }
        (folder / f"images/{name}.jpg").touch()
    (folder / "annots.json").write_text(json.dumps(entries))
    return root
