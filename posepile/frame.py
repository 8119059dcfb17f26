"""Frame: one person in one image, as a data set labels him; what a reader yields, before any pixel is touched.

A reader (posepile/datasets) decides which people in which images are examples and says where the pixels are;
preparation (posepile/prepare) reads the pixels, crops, and makes a PoseExample of every Frame.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from posepile.cameras import Camera


@dataclass(frozen=True)
class ImageSource:
    """Where the pixels are, unread: an image file, one frame of a video, or an image inside a larger file.

    Attributes:
        path: the file.
        frame: 0-based number in a video; None for an image file.
        mirrored: whether the pixels are to be mirrored left-right after reading, because the data set stores
            them so (SURREAL).
        quarter_turns: by how many quarters the pixels are to be turned clockwise after reading, for a detector
            that looks for upright people.
        is_mosaic: whether the file has one colour a pixel, as a sensor records them (Berkeley MHAD): green and red
            in the first row, blue and green in the second.
        part: start and length in bytes of an encoded image inside the file; None for a file of its own.
        is_bgr: whether red and blue are to be exchanged after reading, because the data set stores them so.
    """

    path: Path
    frame: int | None = None
    mirrored: bool = False
    quarter_turns: int = 0
    is_mosaic: bool = False
    part: tuple[int, int] | None = None
    is_bgr: bool = False

    def __str__(self) -> str:
        if self.part is not None:
            return f"{self.path}, {self.part[1]} bytes at {self.part[0]}"
        return str(self.path) if self.frame is None else f"{self.path}, frame {self.frame}"


@dataclass(frozen=True, eq=False)
class Frame:
    """One labelled person. Raises ValueError for arrays of the wrong shape.

    Attributes:
        key: path-free and unique in the data set: "S1/Greeting/54138969/000005".
        image: where the pixels are.
        camera: of the whole image; None for a 2D-labelled image without one.
        box: [4] px in the whole image, [x, y, w, h].
        joints3d: [J, 3] mm, world, NaN where not labelled; None if there are no 3D labels.
        joints2d: [J, 2] px in the whole image, NaN where not labelled; None if there are no 2D labels.
        mask: run-length code at the size of the whole image, or a function that reads it when the pixels are
            read; None to have a segmenter make one.
        split: "train", "val" or "test".
        tags: subject, camera, action and the like; small strings.
    """

    key: str
    image: ImageSource
    camera: Camera | None
    box: np.ndarray
    joints3d: np.ndarray | None = None
    joints2d: np.ndarray | None = None
    mask: dict | Callable[[], dict | None] | None = None
    split: str = "train"
    tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        _check_shape(self.key, "box", self.box, (4,))
        for name, width in (("joints3d", 3), ("joints2d", 2)):
            if (joints := getattr(self, name)) is not None:
                _check_shape(self.key, name, joints, (len(joints), width))
        if self.split not in SPLITS:
            raise ValueError(f"{self.key}: split is {self.split!r}, expected one of {', '.join(SPLITS)}")


SPLITS = ("train", "val", "test")


def _check_shape(key: str, name: str, array: np.ndarray, expected: tuple[int, ...]) -> None:
    if np.shape(array) != expected:
        raise ValueError(f"{key}: {name} has shape {np.shape(array)}, expected {expected}")
