"""Colour: linear light and back, brightening, and the white balance of data sets with a colour cast.

Images are uint8 RGB [h, w, 3]. All of it is done once, when an example is cropped, never while training.
"""

from functools import lru_cache

import cv2
import numpy as np

DISPLAY_GAMMA = 2.2
TDHP_CAST = (110.0, 145.0)  # MPI-INF-3DHP's green screen
PANOPTIC_CAST = (120.0, 138.0)  # a + 8.8 L / 255, b - 11 L / 255: the dome's green and yellow tint

_STRENGTH = 1.1
_EPSILON = 0.004  # of a level: what the rounding of the square root costs, so that unchanged pixels stay so
_STEPS = 65535


def linear_light_table() -> np.ndarray:
    """[256] float32: a pixel value's linear light, (v / 255)^2.2, for `cv2.LUT`."""
    return ((np.arange(256) / 255) ** DISPLAY_GAMMA).astype(np.float32)


def from_linear_light(light: np.ndarray, exponent: float = 1 / DISPLAY_GAMMA) -> np.ndarray:
    """Linear light, float32, to pixel values: 255 light^exponent, clipped and truncated to uint8.

    `light` is overwritten. An exponent below 1 / 2.2 brightens. A table over the square root of the light, whose
    steps are finer than 1/50 of a level everywhere, is ten times as fast as the power.
    """
    np.clip(light, 0, 1, out=light)
    cv2.sqrt(light, light)
    light *= _STEPS
    return cv2.LUT(light.astype(np.uint16), _encoding_table(exponent))


def white_balanced(image: np.ndarray, cast: tuple[float, float]) -> np.ndarray:
    """Removes a colour cast.

    Args:
        cast: (a, b), the colour that a white object shows, in OpenCV's 8-bit Lab, where 128 is neutral. The a of a
            pixel of lightness L goes down by 1.1 (a - 128) L / 255, and its b likewise.
    """
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lightness = lab[..., 0]
    for channel, neutral in enumerate(cast, start=1):
        shift = -_STRENGTH * (neutral - 128) * np.arange(256) / 255
        shifts = cv2.LUT(lightness, np.rint(shift).astype(np.int16))
        lab[..., channel] = cv2.add(lab[..., channel], shifts, dtype=cv2.CV_8U)  # saturates
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)


@lru_cache
def _encoding_table(exponent: float) -> np.ndarray:
    light = (
        np.minimum((np.arange(_STEPS + 1) + 0.5) / _STEPS, 1) ** 2
    )  # an index stands for what it was cut from
    return np.minimum(255 * light**exponent + _EPSILON, 255).astype(np.uint8)
