"""What readers of calibrated cameras share: how long a video is, how large its frames are, which box a person has."""

from pathlib import Path

import numpy as np

from posepile import boxes
from posepile.datasets.dataset import Detect
from posepile.datasets.raw import reading
from posepile.frame import ImageSource
from posepile.images import read_image
from posepile.prepare.matching import best_match
from posepile.video_times import video_times


def n_frames(video: Path) -> int:
    """How many frames a video has. Raises RawDataError."""
    with reading(video):
        return len(video_times(video))


def image_size(source: ImageSource) -> tuple[int, int]:
    """(width, height), read from the pixels. Raises RawDataError."""
    with reading(source.path):
        height, width = read_image(source).shape[:2]
        return width, height


def is_seen(box: np.ndarray, size: tuple[int, int]) -> bool:
    """Whether a box [4] is known, and shows something of an image of `size` (width, height)."""
    return bool(np.isfinite(box).all()) and boxes.area(boxes.intersection(box, boxes.full(size))) > 0


def detected_box(box: np.ndarray, image: ImageSource, detect: Detect | None) -> np.ndarray:
    """[4] px: the detection that fits a labelled box best; the labelled box where there is none."""
    detections = () if detect is None else detect(image)
    best = best_match(box, detections)
    return box if best < 0 else np.asarray(detections[best][:4], float)
