"""One clip of ASPset-510 of 11 frames, in its layout, in coordinates that float32 keeps; there is no video."""

from pathlib import Path

import numpy as np
from fakes import aspset as fake

T = 11
ANKLE, WRIST, PELVIS = 0, 3, 16
WAVE = 240.0  # mm along z, of the right wrist in frame 5
CLIP = ("aaaa", "0003", "mid")


def poses() -> np.ndarray:
    """[T, 17, 3] mm, world. Left hip to knee 200, pelvis to spine 255, spine to neck 0: 455 in all, half of 910."""
    i = np.arange(17)
    pose = np.stack([16.0 * i, 40.0 * i, 8000 + 0.0 * i], axis=1)
    pose[8] = 0, 0, 8000  # lhip
    pose[7] = 0, 200, 8000  # lkne
    pose[PELVIS] = 100, 0, 8000
    pose[15] = pose[14] = 355, 0, 8000  # spine and neck
    found = np.repeat(pose[None], T, axis=0)
    found[5, WRIST, 2] += WAVE
    return found


def write(root: Path, split: str = "test", found: np.ndarray | None = None) -> Path:
    found = poses() if found is None else found
    data = root / "data" / ("test" if split == "test" else "trainval")
    subject, clip, view = CLIP
    data.mkdir(parents=True)
    (root / "data/splits.csv").write_text(f"{subject},{clip},{split},{view}\n1e28,0001,train,left\n")
    fake.write_c3d(data / f"joints_3d/{subject}/{subject}-{clip}.c3d", found)
    camera = fake.known_camera(view)
    fake._write_camera(data / f"cameras/{subject}/{subject}-{view}.json", camera, is_flat=True)
    fake._write_boxes(data / f"boxes/{subject}/{subject}-{clip}-{view}.csv", camera, found, split="test")
    return root
