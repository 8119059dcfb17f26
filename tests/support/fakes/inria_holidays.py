"""A fake INRIA Holidays: four photos, one of them lying on its side, one with a person."""

from pathlib import Path

import numpy as np
from PIL import Image

from fakes.scene import FakeImages
from posepile.datasets.inria_holidays import InriaHolidays
from posepile.images import read_image

ORIENTATION = 274  # EXIF tag
COLOURS = [[(200, 40, 40), (40, 200, 40)], [(40, 40, 200), (210, 210, 210)]]  # of the quarters


def write(root: Path) -> FakeImages:
    photos = {name: quarters(size) for name, size in {
        "100000": (1100, 1024), "100001": (1024, 1201), "100002": (1024, 1024), "100003": (1100, 1024),
    }.items()}  # fmt: skip
    (root / "jpg").mkdir()
    for name, photo in photos.items():
        # 6: to be turned clockwise by whoever shows it
        is_lying = name == "100001"
        write_photo(root / f"jpg/{name}.jpg", np.rot90(photo) if is_lying else photo, 6 if is_lying else 1)
    expected = {name: _halved_middle(photo) for name, photo in photos.items() if name != "100003"}
    return FakeImages(InriaHolidays(), root, expected, ("jpg/*.jpg",), detect)


def detect(source) -> np.ndarray:
    """Somebody in 100003; something that is hardly a person in 100000."""
    assert read_image(source).shape == (512, 512, 3)
    score = {"100003.jpg": 0.21, "100000.jpg": 0.19}.get(source.path.name)
    return np.array([[10, 10, 50, 100, score]] if score else np.empty((0, 5)), float)


def quarters(size: tuple[int, int]) -> np.ndarray:
    """[h, w, 3] uint8 of `size` (w, h): its quarters have four colours."""
    rows, columns = (np.arange(side) * 2 // side for side in size[::-1])
    return np.array(COLOURS, np.uint8)[rows[:, None], columns]


def write_photo(path: Path, image: np.ndarray, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(np.ascontiguousarray(image)).save(path, quality=95, subsampling=0, exif=exif)


def _halved_middle(photo: np.ndarray) -> np.ndarray:
    y, x = ((side - 1024) // 2 for side in photo.shape[:2])
    middle = photo[y : y + 1024, x : x + 1024].reshape(512, 2, 512, 2, 3)
    return np.rint(middle.mean(axis=(1, 3))).astype(np.uint8)
