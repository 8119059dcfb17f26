"""What every person detector and every person segmenter can do. Images are uint8 RGB [H, W, 3]."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np


class Detector(Protocol):
    """Finds people."""

    identity: str
    """What the boxes depend on, besides the image: model, weights, thresholds. Cached results go by it."""

    def detect(self, image: np.ndarray) -> np.ndarray:
        """Boxes of the people in one image.

        Returns:
            [n, 5] float32: x, y, w, h in px, then the score in 0..1; best first. Boxes are not clipped.
        """
        ...

    def detect_batch(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """`detect` for several images of one size at once (the frames of a video)."""
        ...


class KeypointDetector(Detector, Protocol):
    """Finds people and, in them, the 17 keypoints of COCO."""

    def keypoints(self, image: np.ndarray) -> np.ndarray:
        """Keypoints of the people in one image.

        Returns:
            [n, 17, 3] float32: x, y in px, then the score in 0..1; people best first. May lie outside the image.
        """
        ...


class Segmenter(Protocol):
    """Tells people from background, in the crop of a person."""

    def segment(self, image: np.ndarray) -> np.ndarray:
        """The probability that a pixel shows a person: [H, W] float32 in 0..1."""
        ...


def check_image(image: np.ndarray) -> None:
    """Raises ValueError if this is not a uint8 RGB image with at least one pixel."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f"image is {image.dtype} {list(image.shape)}, expected uint8 [height, width, 3]")
