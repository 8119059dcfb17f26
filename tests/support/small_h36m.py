"""Three sequences of Human3.6M, in its layout, of a person who is simple to calculate with; there are no pixels."""

from pathlib import Path

import numpy as np
from fakes.h36m import known_camera, write_boxes, write_cdf, write_metadata

T = 65  # frames 0 and 64 are evaluated
CAMERA = "54138969"
SEQUENCES = ((9, "Greeting"), (9, "Walking 1"), (11, "Walking 1"))
RAW_WRIST = 19
WAVE = 200.0  # mm along x, of the left wrist in frame 64 of Walking


def write(root: Path) -> Path:
    """Raw joint i stands at pelvis + (8 i, 0, 16 i) mm, whole numbers, which float32 keeps."""
    write_metadata(root / "Release-v1.2/metadata.xml")
    pose = np.array([200, 300, 800]) + np.arange(32)[:, None] * [8, 0, 16]
    for subject, activity in SEQUENCES:
        folder = root / f"S{subject}"
        poses = np.repeat(pose[None].astype(float), T, axis=0)
        if activity == "Walking 1":
            poses[64, RAW_WRIST, 0] += WAVE
        write_cdf(folder / f"MyPoseFeatures/D3_Positions/{activity}.cdf", poses)
        boxes = folder / f"MySegmentsMat/ground_truth_bb/{activity}.{CAMERA}.mat"
        write_boxes(boxes, known_camera(0), poses)
        (folder / f"Images/{activity}.{CAMERA}").mkdir(parents=True)
    return root
