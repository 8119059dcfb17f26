"""Image sets become folders that augmentation reads: OUT/<sequence>/<name>.jpg, or .png for cut-outs."""

import os
import shutil
from pathlib import Path

import cv2
import numpy as np

from posepile.datasets.dataset import Detect, ImageSet, Sequence

JPEG_QUALITY = 95


def write_images(image_set: ImageSet, sequence: Sequence, out: Path, detect: Detect | None = None) -> int:
    """Writes the images of a sequence into the folder `out / sequence.name`, and returns how many there are.

    The folder appears when it is whole, and one that is there is left alone. Raises as `image_set.images` does.
    """
    folder = out / sequence.name
    if not folder.is_dir():
        temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        try:
            for name, pixels in image_set.images(sequence, detect):
                suffix, data = encode(pixels)
                (temporary / f"{name}{suffix}").write_bytes(data)
            os.rename(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return sum(1 for _ in folder.iterdir())


def encode(pixels: np.ndarray) -> tuple[str, bytes]:
    """An image [h, w, 3] uint8 RGB as JPEG, or [h, w, 4] RGBA as PNG: the suffix and the bytes."""
    if pixels.shape[2] == 4:
        return ".png", cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA))[1].tobytes()
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    return ".jpg", cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
