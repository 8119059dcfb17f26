"""A new background behind the person, where the example has a mask (training sheet §11.1)."""

import numpy as np


def replace_background(image: np.ndarray, background: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The person of `image` before `background`.

    Args:
        image, background: [R, R, 3] uint8.
        mask: [R, R] uint8, 255 where the person is; values between blend, so a warped mask has soft edges.

    Returns:
        [R, R, 3] uint8.
    """
    weight = mask.astype(np.float32)[..., np.newaxis] / 255
    return np.rint(image * weight + background * (1 - weight)).astype(np.uint8)
