"""A fake 3DPeople: a woman before two cameras, a man who leaves the image."""

from pathlib import Path

import imageio.v2 as imageio
import numpy as np

from fakes.scene import Fake, Known, person, project, write_image
from posepile.cameras import Camera
from posepile.datasets.tdpeople import TDPeople

SIZE = (640, 480)
APPEARANCE = "wpskin08_bottom70_glasses01_hair13_background1928"
RAW = [*range(14), *range(33, 37), 53, *range(57, 67)]  # rows of the 29 joints
FINGER, BLOB = 40, (slice(100, 300), slice(250, 340))
MOVED = (0.0, 1.2, 1.5, 2.4)  # units of 0.1 m: frame 3 is 0.3 from the last one kept


def write(root: Path) -> Fake:
    expected = []
    for subject, action, k, kept in (
        ("woman01", "02_04_jump", 1, (0, 1, 3)),
        ("woman01", "02_04_jump", 2, (0, 1, 3)),  # its first frame is far from the other camera's last
        ("man40", "13_08_walk", 4, (0, 3)),  # the mask is empty at 1; it counts for the sampler
    ):
        place = f"{subject}/{action}/camera0{k}"
        camera = _camera(k)
        for i in range(4):
            joints = _joints(subject)
            joints[FINGER, 0] += 100 * MOVED[i]
            pixels = project(camera, joints)
            n_columns = 6 if i == 2 else 5
            _write_skeleton(root / f"skeleton/{place}/{i + 1:04d}.txt", pixels, joints, n_columns)
            grey = 20 + 40 * i + 9 * k
            write_image(root / f"rgb/{place}/{APPEARANCE}/{i + 1:04d}.jpg", SIZE, grey)
            is_empty = k == 4 and i == 1
            mask = _write_mask(root / f"segmentation_clothes/{place}/{i + 1:04d}.png", is_empty)
            if i in kept:
                box = np.array([BLOB[1].start - 0.5, BLOB[0].start - 0.5, 90, 200])
                key, tags = f"{place}/{APPEARANCE}/{i + 1:04d}", {"subject": subject, "camera": f"camera0{k}"}
                expected.append(Known(key, "train", box, grey, joints[RAW], pixels[RAW], mask, tags=tags))
        # A frame without an image
        _write_skeleton(root / f"skeleton/{place}/0000.txt", pixels, joints, 5)
    return Fake(TDPeople(), root, expected, ("skeleton/**/*.txt",))


def _joints(subject: str) -> np.ndarray:
    """[67, 3] mm; shoulders and hips are across, left at +y."""
    joints = person(67, (120, -50, 900), seed=len(subject))
    for left, right, z in ((10, 34, 1450), (57, 62, 950)):
        joints[left], joints[right] = (120, 150, z), (100, -250, z)
    return joints


def _camera(k: int) -> Camera:
    angle = 0.7 * k
    forward = -np.array([np.cos(angle), np.sin(angle), 0.1])
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    intrinsics = [[700, 0, 320], [0, 700, 240], [0, 0, 1]]
    return Camera(intrinsics, rotation, (120, -50, 900) - 4500 * forward)


def _write_skeleton(path: Path, pixels: np.ndarray, joints: np.ndarray, n_columns: int) -> None:
    columns = [pixels, *[np.full((67, 1), -7.5)] * (n_columns - 5), joints / 100]
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, np.hstack(columns), fmt="%.6f")


def _write_mask(path: Path, is_empty: bool) -> np.ndarray:
    image = np.full((*SIZE[::-1], 3), 153, np.uint8)
    image[400:410, 20:30] = 160, 153, 148  # near enough to the background
    if not is_empty:
        image[BLOB] = 153, 200, 153
    path.parent.mkdir(parents=True, exist_ok=True)
    imageio.imwrite(path, np.dstack([image, np.full(SIZE[::-1], 255, np.uint8)]))
    return image[..., 1] == 200
