"""A fake PASCAL VOC: three photos with annotations, two of which have segmented objects."""

from pathlib import Path

import cv2
import imageio.v2 as imageio
import numpy as np
from PIL import Image

from fakes.scene import FakeImages
from posepile.datasets.pascal_voc import PascalVoc

SIDE = 200
BACKGROUND = (90, 90, 90)
OBJECTS = [  # name, difficult, truncated, box as columns and rows (first, behind the last), colour
    ("person", 0, 0, (5, 5, 45, 65), (200, 30, 30)),
    ("chair", 0, 0, (60, 20, 121, 91), (20, 120, 200)),
    ("dog", 0, 1, (130, 10, 190, 70), (30, 200, 30)),
    ("cat", 1, 0, (130, 80, 190, 140), (10, 30, 200)),
    ("bottle", 0, 0, (10, 150, 33, 172), (200, 200, 20)),  # 22 x 21 px are left of it: too few
    ("sofa", 0, 0, (60, 150, 110, 190), (250, 120, 20)),
]


def write(root: Path) -> FakeImages:
    expected = {}
    for name in ("2007_000001", "2007_000002", "2008_000003"):
        is_segmented = name != "2007_000002"
        image, labels = _picture()
        for folder in ("Annotations", "JPEGImages", "SegmentationObject"):
            (root / folder).mkdir(exist_ok=True)
        imageio.imwrite(root / f"JPEGImages/{name}.jpg", image, quality=98)
        (root / f"Annotations/{name}.xml").write_text(_annotation(name, is_segmented))
        if not is_segmented:
            continue
        palette = Image.fromarray(labels, "P")
        palette.putpalette(np.random.default_rng(0).integers(0, 256, 768).astype(np.uint8).tobytes())
        palette.save(root / f"SegmentationObject/{name}.png")
        for i in (1, 5):
            x1, y1, x2, y2 = OBJECTS[i][3]
            window = np.s_[y1 + 1 : y2, x1 + 1 : x2]  # corners count from 1, and are used as if from 0
            expected[f"{name}_{i:02d}"] = _halved(image[window], _alpha(labels[window] == i + 1))
    return FakeImages(PascalVoc(), root, expected, ("Annotations/*.xml", "SegmentationObject/*.png"))


def _picture() -> tuple[np.ndarray, np.ndarray]:
    """The photo, and the places of the objects in it: 1.., 255 around them."""
    image = np.full((SIDE, SIDE, 3), BACKGROUND, np.uint8)
    labels = np.zeros((SIDE, SIDE), np.uint8)
    for i, (*_, (x1, y1, x2, y2), colour) in enumerate(OBJECTS):
        labels[y1 - 2 : y2 + 2, x1 - 2 : x2 + 2] = 255
        labels[y1:y2, x1:x2] = i + 1
        image[y1 - 2 : y2 + 2, x1 - 2 : x2 + 2] = colour
    labels[60:91, 60:90] = 0  # the chair is no rectangle
    return image, labels


def _annotation(name: str, is_segmented: bool) -> str:
    objects = ""
    for each, difficult, truncated, (x1, y1, x2, y2), _ in OBJECTS:
        objects += (
            f"<object><name>{each}</name><truncated>{truncated}</truncated><difficult>{difficult}</difficult>"
            f"<bndbox><xmax>{x2}</xmax><xmin>{x1 + 1}.3</xmin><ymin>{y1 + 1}</ymin><ymax>{y2}</ymax></bndbox>"
            "<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></part>"
            "</object>"
        )
    return (
        f"<annotation><filename>{name}.jpg</filename><segmented>{int(is_segmented)}</segmented>"
        f"{objects}</annotation>"
    )


def _alpha(is_object: np.ndarray) -> np.ndarray:
    """Slowly: inside is where the brush, laid on the pixel, touches nothing else of the window."""
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (8, 8)) > 0
    padded = np.pad(is_object, 4, constant_values=True)
    alpha = np.zeros(is_object.shape)
    for y, x in np.argwhere(is_object):
        alpha[y, x] = 1 if padded[y : y + 8, x : x + 8][brush].all() else 0.75
    return alpha


def _halved(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    pixels = np.dstack([image, alpha * 255])
    down, across = (_area_weights(side) for side in alpha.shape)
    return np.rint(np.einsum("oy,pX,yXc->opc", down, across, pixels)).astype(np.uint8)


def _area_weights(side: int) -> np.ndarray:
    """[round(side / 2), side]: which part of a new pixel each old one covers."""
    new = round(side / 2)
    edges = np.linspace(0, side, new + 1)
    old = np.arange(side)
    covered = np.minimum(edges[1:, None], old + 1) - np.maximum(edges[:-1, None], old)
    return np.maximum(covered, 0) * new / side
