"""A fake MuPoTS-3D: an indoor recording of two people, and an outdoor one with a single column of labels."""

from pathlib import Path

import numpy as np
import scipy.io

from fakes.scene import Fake, Known, person, project, projected_box, write_image
from posepile.cameras import Camera
from posepile.datasets.mupots import MuPoTS

SIZES = {"TS1": (204, 204), "TS7": (192, 108)}
T = 3
SLOTS = [*range(14), 15, 16, 14]  # of raw: pelvis last
INVALID = ("TS1", 1, 0)  # recording, frame, person: labels that are not to be used
UNDETECTED = ("TS1", 2, 1)


def write(root: Path) -> Fake:
    expected, detections = [], {}
    for name, n_people in (("TS1", 2), ("TS7", 1)):
        cam, poses = make_camera(name), make_poses(n_people)
        is_valid = np.array([[(name, i, p) != INVALID for p in range(n_people)] for i in range(T)])
        write_labels(root / name / "annot.mat", cam, poses, is_valid)
        for i in range(T):
            image = f"{name}/img_{i:06d}.jpg"
            write_image(root / image, SIZES[name], 50 + 20 * i)
            found = [(1, 1, 20, 30, 0.9)]  # nobody is there
            for p in reversed(range(n_people)):
                box = projected_box(cam, poses[i, p], 1.1) + [2, -1, 3, 4]
                score = 0.05 if (name, i, p) == UNDETECTED else 0.8
                found.append((*box, score))
                if is_valid[i, p] and score > 0.1:
                    expected.append(_known(name, i, p, cam, poses[i, p, SLOTS], box))
            detections[image] = np.array(found)
    return Fake(
        MuPoTS(),
        root,
        expected,
        ("TS*/annot.mat",),
        lambda s: detections[f"{s.path.parent.name}/{s.path.name}"],
    )


def _known(name: str, i: int, p: int, cam: Camera, joints: np.ndarray, box: np.ndarray) -> Known:
    return Known(
        key=f"{name}/{i:06d}/{p}",
        split="val",
        joints3d=joints,
        pixels=project(cam, joints),
        box=box,
        grey=50 + 20 * i,
        tags={"sequence": name, "frame": str(i), "person": str(p)},
    )


def make_camera(name: str) -> Camera:
    width, height = SIZES[name]
    return Camera([[150, 0, width / 2 + 3], [0, 152, height / 2 - 5], [0, 0, 1]], world_up=(0, -1, 0))


def make_poses(n_people: int) -> np.ndarray:
    """[T, P, 17, 3] mm, in the camera's frame."""
    people = [person(17, (900 * p - 400, 0, 4000 + 1000 * p), seed=p, up=1) for p in range(n_people)]
    return np.array([[pose + (20 * i, 0, 0) for pose in people] for i in range(T)])


def write_labels(path: Path, cam: Camera, poses: np.ndarray, is_valid: np.ndarray) -> None:
    """Writes [T, P, 17, 3] mm; the universal poses are nine tenths of them."""
    cells = np.empty(is_valid.shape, object)
    for i, p in np.ndindex(cells.shape):
        pixels = project(cam, poses[i, p]) if is_valid[i, p] else np.full((17, 2), -7.0)
        cells[i, p] = {
            "annot2": pixels.T,
            "annot3": poses[i, p].T,
            "univ_annot3": 0.9 * poses[i, p].T,
            "isValidFrame": int(is_valid[i, p]),
        }
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, {"annotations": cells})
