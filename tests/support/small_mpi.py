"""A few frames of MPI-INF-3DHP's test set and of MuPoTS-3D, in their layouts, simple to calculate with; no pixels.

A pose of 17 joints in their order (pelvis 14) has 16 joints around the pelvis: six of the first 14 are 1600 mm away
from it, the others 1020 mm. The universal person is nine tenths as large about the pelvis, so that he differs from
the metric one by 160 and 102 mm.
"""

from pathlib import Path

import h5py
import numpy as np
import scipy.io
from fakes.tdhp import test_set_camera

PELVIS, WRIST = 14, 7
FAR = (0, 2, 4, 6, 8, 10)
DISTANCES = np.array([0.0 if j == PELVIS else 1600.0 if j in FAR else 1020.0 for j in range(17)])
WAVE = 200.0  # mm in depth, of the left wrist in the second valid frame of TS1
INTRINSICS = np.array([[1500.0, 0, 1000], [0, 1500, 1000], [0, 0, 1]])


def pose(at=(0.0, 0.0, 6000.0)) -> np.ndarray:
    """[17, 3] mm, camera frame: joints on a circle across the line of sight."""
    angles = 2 * np.pi * np.arange(17) / 17
    return np.asarray(at) + DISTANCES[:, None] * np.stack(
        [np.cos(angles), np.sin(angles), 0 * angles], axis=1
    )


def universal(poses: np.ndarray) -> np.ndarray:
    pelvis = poses[..., [PELVIS], :]
    return pelvis + 0.9 * (poses - pelvis)


def write_tdhp(root: Path) -> Path:
    """TS1: frames 0 (standing) and 2 (sports, wrist waved); TS5: frame 0 (sports). Other rows are not valid."""
    for name, activities in (("TS1", (1, 0, 6)), ("TS5", (6,))):
        camera = test_set_camera(name)
        poses = np.repeat(pose()[None], len(activities), axis=0)
        if name == "TS1":
            poses[2, WRIST, 2] += WAVE
        (root / name).mkdir(parents=True)
        with h5py.File(root / name / "annot_data.mat", "w") as file:
            file["annot3"] = poses[:, None]
            file["univ_annot3"] = universal(poses)[:, None]
            file["annot2"] = camera.camera_to_image(poses)[:, None]
            file["valid_frame"] = np.array(activities, float)[:, None] > 0
            file["activity_annotation"] = np.array(activities, float)[:, None]
    return root


MUPOTS = {  # name: people of each frame, by the x of the pelvis; None: not valid
    "TS1": [(-3000.0, 3000.0), (-3000.0, 3000.0), (None, None)],
    "TS2": [(0.0, None)],
}


def write_mupots(root: Path, wave: float = 0.0) -> Path:
    """TS1: two people in each of two frames and nobody in a third; TS2: one person.

    wave: mm in depth, of the head top (by which nobody is matched) of TS1's first person in its second frame.
    """
    for name, frames in MUPOTS.items():
        cells = np.empty((len(frames), 2), object)
        for i, p in np.ndindex(cells.shape):
            x = frames[i][p]
            joints = pose((x or 0.0, 0.0, 6000.0))
            joints[0, 2] += wave * ((name, i, p) == ("TS1", 1, 0))
            pixels = joints @ INTRINSICS.T
            cells[i, p] = {
                "annot2": (pixels[:, :2] / pixels[:, 2:]).T,
                "annot3": joints.T,
                "univ_annot3": universal(joints).T,
                "isValidFrame": int(x is not None),
            }
        (root / name).mkdir(parents=True)
        scipy.io.savemat(root / name / "annot.mat", {"annotations": cells})
    return root
