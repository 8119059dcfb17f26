"""A fake MPII: an annotation file as MATLAB writes it, four images."""

from pathlib import Path

import numpy as np
import scipy.io

from fakes.scene import Fake, Known, write_image
from posepile.datasets.mpii import Mpii

SIZE = (320, 300)
FOUND = {  # detections: x, y, w, h, score
    "a.jpg": [(95, 45, 110, 205, 0.9), (0, 0, 20, 20, 0.95)],
    "b.jpg": [(95, 45, 110, 205, 0.9)],
    "c.jpg": [(95, 45, 110, 205, 0.9)],
    "d.jpg": [(155, 45, 110, 205, 0.6), (35, 45, 110, 205, 0.7), (200, 5, 30, 30, 0.4)],
    "e.jpg": [(95, 45, 110, 205, 0.5)],  # not more than 0.5
}


def write(root: Path) -> Fake:
    a, many, few = _pixels((100, 50), 16), _pixels((40, 50), 7), _pixels((160, 50), 16)
    images = {  # name: (people's joints, or None for somebody without points; train)
        "a.jpg": ([None, a], True),
        "b.jpg": ([_pixels((100, 50), 6)], True),
        "c.jpg": ([_pixels((100, 50), 16)], False),
        # The first is near the second's detection too; the score of the third's is too low
        "d.jpg": ([few, many, _pixels((205, 10), 16, (20, 20))], True),
        "e.jpg": ([_pixels((100, 50), 16)], True),
        "f.jpg": ([], True),
    }
    for i, name in enumerate(images):
        write_image(root / "images" / name, SIZE, 30 + 20 * i)
    release = {
        "annolist": _cells([_image(name, people) for name, (people, _) in images.items()]),
        "img_train": np.array([[int(train) for _, train in images.values()]]),
    }
    scipy.io.savemat(root / "mpii_human_pose_v1_u12_1.mat", {"RELEASE": release})
    expected = [
        Known("00/a_01", "train", np.array(FOUND["a.jpg"][0][:4]), 30, pixels=a),
        Known("02/d_00", "train", np.array(FOUND["d.jpg"][0][:4]), 90, pixels=few),
        Known("02/d_01", "train", np.array(FOUND["d.jpg"][1][:4]), 90, pixels=many),
    ]
    return Fake(Mpii(), root, expected, ("*.mat",), detect)


def detect(source):
    return np.array(FOUND.get(source.path.name, ()), float).reshape(-1, 5)


def _pixels(corner, n_labelled: int, size=(100, 195)) -> np.ndarray:
    """[16, 2]: the first joints are labelled; two of them are corners of their extent."""
    pixels = corner + np.random.default_rng(n_labelled).uniform(0, 1, (16, 2)) * size
    pixels[1], pixels[2] = corner, np.add(corner, size)
    pixels[n_labelled:] = np.nan
    return pixels


def _image(name: str, people: list) -> dict:
    return {"image": {"name": name}, "annorect": _cells([_person(joints) for joints in people])}


def _person(joints) -> dict:
    person = {"x1": 1, "y1": 2, "x2": 3, "y2": 4, "scale": 1.0, "objpos": {"x": 1, "y": 2}}
    if joints is None:
        return person
    ids = np.random.default_rng(0).permutation(
        np.flatnonzero(np.isfinite(joints[:, 0]))
    )  # their order is free
    points = [{"id": int(i), "x": joints[i, 0], "y": joints[i, 1], "is_visible": int(i) % 2} for i in ids]
    return person | {"annopoints": {"point": _cells(points)}}


def _cells(entries: list) -> np.ndarray:
    cells = np.empty((1, len(entries)), object)
    cells[0] = entries
    return cells
