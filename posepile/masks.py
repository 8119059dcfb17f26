"""Masks of people as COCO run-length codes: {"size": [h, w], "counts": bytes}, column-major, background
first.

The coding itself is rlemasklib's (compatible with pycocotools).
"""

import cv2
import numpy as np
import rlemasklib

from posepile.cameras import Camera, warp_image


def encode(mask: np.ndarray) -> dict:
    """A mask [h, w], foreground where not zero, to its code."""
    mask = np.asarray(mask)
    if mask.ndim != 2:
        raise ValueError(f"mask has shape {list(mask.shape)}, expected [height, width]")
    return rlemasklib.encode(mask != 0)


def decode(rle: dict) -> np.ndarray:
    """A code to its mask [h, w] bool. Raises ValueError for a damaged code."""
    return rlemasklib.decode(rle).view(bool)


def area(rle: dict) -> int:
    """The number of foreground pixels. Raises ValueError for a damaged code."""
    return int(rlemasklib.area(rle))


def box(rle: dict) -> np.ndarray:
    """The box [4] = [x, y, w, h] of the foreground pixels' outer corners (half a px from their centres)."""
    return np.asarray(rlemasklib.to_bbox(rle), float) - [0.5, 0.5, 0, 0]


def warp(rle: dict, old: Camera, new: Camera, size: tuple[int, int]) -> dict:
    """The mask as `new` sees it, in an image of `size` (w, h); see `cameras.warp_image`."""
    grey = decode(rle).view(np.uint8) * np.uint8(255)
    warped = warp_image(grey, old, new, size, interpolation=cv2.INTER_LINEAR)
    return encode(warped > 127)
