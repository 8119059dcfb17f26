"""Resizing of images and probability maps by the filter that suits the direction."""

import cv2
import numpy as np


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes an image [H, W] or [H, W, C] to `size` (w, h): area means when shrinking, otherwise bilinear."""
    shrinks = size[0] * size[1] < image.shape[0] * image.shape[1]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def size_within(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """The size (w, h) of an image of `shape` (H, W, ...) when its longer side becomes `side`."""
    height, width = shape[:2]
    longer = max(height, width)
    return max(round(width * side / longer), 1), max(round(height * side / longer), 1)
