"""The pictures that augmentation draws from: photos for backgrounds, cut-outs for things in front of people.

They are decoded once, when training starts, and held in memory: folders as `dozens prepare inria_holidays` and
`dozens prepare pascal_voc` write them, or drawn ones where no folder is given.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from posepile.synthetic import still_life
from training.augment import background

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png")
PHOTO_BYTES = 2**30
"""Largest memory for photos: 2,427 of them for crops of 256 px, 1,078 for 384 px. Of more, an even choice is held."""
CUT_OUT_BYTES = 2**29
"""Largest memory for cut-outs; those of PASCAL VOC take a fifth."""

DRAWN, DRAWN_SEED = 64, 20230
DRAWN_PIECE_SIDE = 160  # px, a usual size of PASCAL VOC's cut-outs


class PictureError(ValueError):
    """A folder or file that is not what augmentation needs; names it and the expectation."""


class CutOuts(Sequence):
    """Cut-outs [h, w, 4] uint8 RGBA, each with its halves, quarters and eighths, to be shrunk from."""

    LEVELS = 4

    def __init__(self, pictures: Sequence[np.ndarray]):
        self._levels = [_halved_repeatedly(picture, self.LEVELS) for picture in pictures]

    def __len__(self) -> int:
        return len(self._levels)

    def __getitem__(self, number: int) -> np.ndarray:
        return self._levels[number][0]

    def at_scale(self, number: int, scale: float) -> tuple[np.ndarray, float]:
        """The smallest version that still has to be shrunk to get the cut-out at `scale`, and by how much.

        Shrinking by less than a half, linear interpolation leaves no pixel out.
        """
        levels = self._levels[number]
        level = min(max(int(-math.log2(scale)), 0), len(levels) - 1)
        return levels[level], scale * 2**level


def load_photos(folder: Path, crop_side: int) -> np.ndarray:
    """The photos below a folder, cut to their middle square: [n, 3, S, S] uint8, red, green and blue planes.

    S is 1.5 times the crop's side: so no background of a crop (`background.SCALES`) has to be made larger, and
    linear interpolation is enough to make it smaller.

    Raises:
        PictureError: no photo there, or one that cannot be decoded.
    """
    side = photo_side(crop_side)
    files = _files(folder, PHOTO_SUFFIXES, "photos (dozens prepare inria_holidays)")
    files = _even_choice(files, PHOTO_BYTES // (3 * side * side))
    photos = np.empty((len(files), 3, side, side), np.uint8)
    for photo, file in zip(photos, files, strict=True):
        photo[:] = as_background(_decode(file, cv2.IMREAD_COLOR_RGB), side)
    return photos


def photo_side(crop_side: int) -> int:
    """Side of the square photos, px, for crops of that side."""
    return round(background.SCALES[1] * crop_side)


def as_background(photo: np.ndarray, side: int) -> np.ndarray:
    """The middle square of a photo [h, w, 3], as planes [3, side, side]."""
    height, width = photo.shape[:2]
    shorter = min(height, width)
    top, left = (height - shorter) // 2, (width - shorter) // 2
    square = photo[top : top + shorter, left : left + shorter]
    smaller = cv2.INTER_AREA if shorter > side else cv2.INTER_LINEAR
    return np.stack(cv2.split(cv2.resize(square, (side, side), interpolation=smaller)))


def load_cut_outs(folder: Path) -> CutOuts:
    """The cut-outs below a folder, PNG files with transparency.

    Raises:
        PictureError: none there, or one that cannot be decoded or has no transparency.
    """
    files = _files(folder, (".png",), "cut-outs (dozens prepare pascal_voc)")
    total = sum(4 * np.prod(_png_size(file)) for file in files) * 4 / 3  # with the smaller versions
    files = _even_choice(files, max(1, int(len(files) * CUT_OUT_BYTES / total)))
    return CutOuts([_cut_out(file) for file in files])


@lru_cache(maxsize=2)
def drawn_photos(crop_side: int) -> np.ndarray:
    """As `load_photos`: furnished places that are drawn here, the same at every call (20 ms each at 384 px)."""
    side = photo_side(crop_side)
    rooms = (still_life.draw_room(np.random.default_rng([DRAWN_SEED, i]), side) for i in range(DRAWN))
    return np.stack([as_background(room, side) for room in rooms])


@lru_cache(maxsize=1)
def drawn_cut_outs() -> CutOuts:
    """As `load_cut_outs`: pieces of furniture that are drawn here, the same at every call (5 ms each)."""
    seeds = ([DRAWN_SEED, DRAWN + i] for i in range(DRAWN))
    return CutOuts([still_life.draw_piece(np.random.default_rng(seed), DRAWN_PIECE_SIDE) for seed in seeds])


def _cut_out(file: Path) -> np.ndarray:
    picture = _decode(file, cv2.IMREAD_UNCHANGED)
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 4:
        raise PictureError(f"{file}: {picture.dtype} of shape {list(picture.shape)}, expected 8-bit RGBA")
    return cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA)


def _halved_repeatedly(picture: np.ndarray, levels: int) -> list[np.ndarray]:
    versions = [picture]
    while len(versions) < levels and min(versions[-1].shape[:2]) >= 2:
        size = [length // 2 for length in versions[-1].shape[1::-1]]
        versions.append(cv2.resize(versions[-1], size, interpolation=cv2.INTER_AREA))
    return versions


def _files(folder: Path, suffixes: tuple[str, ...], what: str) -> list[Path]:
    """Sorted by their path in the folder, so that the random choice among them is the same on every machine."""
    folder = Path(folder)
    if not folder.is_dir():
        raise PictureError(f"{folder}: no such folder, expected one with {what}")
    found = [path for path in folder.rglob("*") if path.suffix.lower() in suffixes and path.is_file()]
    if not found:
        raise PictureError(f"{folder}: no {' or '.join(suffixes)} files, expected {what}")
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _even_choice(files: list[Path], most: int) -> list[Path]:
    if len(files) <= most:
        return files
    return [files[i] for i in np.linspace(0, len(files) - 1, most).astype(int)]


def _decode(file: Path, flags: int) -> np.ndarray:
    data = np.frombuffer(file.read_bytes(), np.uint8)
    image = cv2.imdecode(data, flags) if data.size else None
    if image is None:
        raise PictureError(f"{file}: {data.size} bytes that cannot be decoded, expected an image")
    return image


def _png_size(file: Path) -> tuple[int, int]:
    with file.open("rb") as stream:
        header = stream.read(24)
    if len(header) < 24 or header[12:16] != b"IHDR":
        raise PictureError(f"{file}: begins with {header[:4].hex()}, expected a PNG")
    return int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")
