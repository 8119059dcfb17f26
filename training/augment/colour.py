"""Random brightness, contrast, hue and saturation, in random order (training sheet §11.3)."""

from dataclasses import dataclass

import cv2
import numpy as np

from training.augment.randomness import Draws
from training.config import AugmentConfig

BRIGHTNESS, CONTRAST, HUE, SATURATION = range(4)
NEUTRAL = np.array([0.0, 1.0, 0.0, 1.0])
"""The amounts that change nothing, by constant; such changes cost nothing either."""


@dataclass(frozen=True, eq=False)
class ColourChanges:
    """The colour changes of a batch; N examples.

    Attributes:
        order: [N, 4] int, the four changes (constants of this module) in the order of their application.
        amount: [N, 4] float32, by constant: brightness to add, contrast factor, degrees of hue, saturation
            factor.
    """

    order: np.ndarray
    amount: np.ndarray


def draw_colours(config: AugmentConfig, draws: Draws) -> ColourChanges:
    """Random colour changes for a batch."""
    spread = np.array([config.brightness, config.contrast, config.hue_deg, config.saturation])
    amount = NEUTRAL + spread * (2 * draws.uniform("colour", 4) - 1)
    order = draws.uniform("order of colour changes", 4).argsort(axis=1)
    return ColourChanges(order, amount.astype(np.float32))


def change_colour(image: np.ndarray, order, amount) -> np.ndarray:
    """A [h, w, 3] uint8 RGB image with its colours changed: in float32, clipped before each hue or saturation
    change and at the end, and rounded once."""
    order = [change for change in order if amount[change] != NEUTRAL[change]]
    if not order:
        return image
    pixels = image.astype(np.float32)
    pixels *= np.float32(1 / 255)
    in_hsv = False
    for change in order:
        value = amount[change]
        if change in (HUE, SATURATION):
            if not in_hsv:
                pixels = cv2.cvtColor(_clip(pixels), cv2.COLOR_RGB2HSV)  # hue in degrees
                in_hsv = True
            if change == HUE:
                pixels[..., 0] += value  # OpenCV wraps the hue on the way back
            else:
                pixels[..., 1] = np.minimum(pixels[..., 1] * value, 1)
            continue
        if in_hsv:
            pixels = cv2.cvtColor(pixels, cv2.COLOR_HSV2RGB)
            in_hsv = False
        if change == BRIGHTNESS:
            pixels += value
        else:
            pixels *= value
            pixels += np.float32(0.5) * (1 - value)
    if in_hsv:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_HSV2RGB)
    _clip(pixels)
    pixels *= 255
    return cv2.convertScaleAbs(pixels)  # rounds to the nearest


def _clip(pixels: np.ndarray) -> np.ndarray:
    return np.clip(pixels, 0, 1, out=pixels)
