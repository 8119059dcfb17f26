"""A fake MADS: a recording before two cameras, the second's video shorter; a detector that misses the person once."""

from pathlib import Path

import cv2
import numpy as np
import scipy.io

from fakes.scene import Fake, Known, camera, person, project, projected_box, write_video
from posepile.cameras import Camera
from posepile.datasets.mads import Mads

SIZE = (640, 480)
TARGET = (0, 1000, 0)
DISTORTION = [-0.1, 0.02, 0.001, -0.002, 0.0]
CAMERAS = (((1500, 1200, 4000), 5), ((-2500, 900, 3500), 3))  # position, frames of the video
# 15 rows: neck pelv lhip lkne lank rhip rkne rank lsho lelb lwri rsho relb rwri head
LACKING = (5, 9, 13, 17)


def write(root: Path) -> Fake:
    folder = root / "multi_view_data/HipHop"
    folder.mkdir(parents=True)
    poses, cells = known_poses()
    gt = np.empty((1, len(cells)), object)
    for i, cell in enumerate(cells):
        gt[0, i] = cell
    scipy.io.savemat(folder / "HipHop_HipHop1_GT.mat", {"GTpose2": gt})
    expected = []
    for c, (position, n_frames) in enumerate(CAMERAS):
        cam = camera(position, TARGET, (0, 1, 0), focal=700.0, size=SIZE, distortion=DISTORTION)
        _write_camera(folder / f"Calib_Cam{c}.mat", cam)
        write_video(folder / f"HipHop_HipHop1_C{c}.avi", SIZE, [20 + 30 * i for i in range(n_frames)], fps=15)
        expected += [_known(c, cam, i, poses[i]) for i in (0, 2, 4) if i < n_frames]
    (folder / "HipHop_HipHop1_notes.avi").touch()  # no camera's

    def detect(source):
        key = f"C{source.path.stem[-1]}/{source.frame:06d}"
        found = [[*k.box, 0.4] for k in expected if k.key.endswith(key)]  # none: damage chose other frames
        return np.zeros((0, 5)) if source.frame == 2 else np.array([[1, 1, 30, 30, 0.9], *found])

    return Fake(Mads(), root, expected, ("**/*.mat",), detect)


def known_poses() -> tuple[np.ndarray, list[np.ndarray]]:
    """Poses [5, 19, 3], and the cells of the file: the first, 10 mm on, 15 rows 200 mm on, none, and the first."""
    first = person(19, TARGET, seed=4, up=1)
    poses = np.stack([first, first + (10, 0, 0), first + (200, 0, 0), np.full((19, 3), np.nan), first])
    poses[2, list(LACKING)] = np.nan
    cells = [*poses[:2], np.delete(poses[2], LACKING, axis=0), np.zeros((0, 0)), poses[4]]
    return poses, cells


def _known(c: int, cam: Camera, i: int, pose: np.ndarray) -> Known:
    """The detection is 10 px away, but in frame 2, where there is none."""
    box = projected_box(cam, pose, 1.2)
    return Known(
        key=f"HipHop/HipHop_HipHop1_C{c}/{i:06d}",
        split="train",
        joints3d=pose,
        pixels=project(cam, pose),
        box=box if i == 2 else box + (10, 10, 0, 0),
        grey=20 + 30 * i,
        tags={"activity": "HipHop", "camera": str(c), "frame": str(i)},
    )


def _write_camera(path: Path, cam: Camera) -> None:
    scipy.io.savemat(
        path,
        {
            "KK": cam.intrinsics,
            "kc": cam.distortion[:5, np.newaxis],
            "om_ext": cv2.Rodrigues(cam.rotation)[0],
            "T_ext": (-cam.rotation @ cam.position)[:, np.newaxis],
            "fc": np.diag(cam.intrinsics)[:2, np.newaxis],
            "cc": cam.intrinsics[:2, 2:],
            "alpha_c": 0.0,
        },
    )
