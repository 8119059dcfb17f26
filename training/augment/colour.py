"""Random brightness, contrast, hue and saturation, in random order (training sheet §11.3)."""

from dataclasses import dataclass

import numpy as np

from training.augment import pixels
from training.augment.pixels import BRIGHTNESS, CONTRAST, HUE, SATURATION
from training.augment.randomness import Draws
from training.config import AugmentConfig

CHANGES = (BRIGHTNESS, CONTRAST, HUE, SATURATION)
NEUTRAL = (0.0, 1.0, 0.0, 1.0)
"""The amounts that change nothing, in the order of `CHANGES`; such changes cost nothing either."""


@dataclass(frozen=True, eq=False)
class ColourChanges:
    """The colour changes of a batch; N examples.

    Attributes:
        order: [N, 4] int, the four changes in the order of their application.
        amount: [N, 4] float32, by change: brightness to add, contrast factor, degrees of hue, saturation factor.
    """

    order: np.ndarray
    amount: np.ndarray


def draw_colours(config: AugmentConfig, draws: Draws) -> ColourChanges:
    """Random colour changes for a batch."""
    spread = np.array([config.brightness, config.contrast, config.hue_deg, config.saturation])
    amount = np.array(NEUTRAL) + spread * (2 * draws.uniform("colour", 4) - 1)
    order = draws.uniform("order of colour changes", 4).argsort(axis=1)
    return ColourChanges(order, amount.astype(np.float32))


def change_colour(planes: np.ndarray, order: np.ndarray, amount: np.ndarray) -> None:
    """Changes the colours of uint8 planes [>= 3, R, R], in place; `order` and `amount` [4] of one example.

    In float32, clipped to 0..1 before each change of hue or saturation and at the end, and rounded once.
    """
    brightness, contrast, hue, saturation = amount.tolist()
    if (brightness, contrast, hue, saturation) != NEUTRAL:
        pixels.recolour(planes.reshape(len(planes), -1), order, brightness, contrast, hue / 60, saturation)
