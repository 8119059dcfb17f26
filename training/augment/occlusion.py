"""Things in front of the person: a random rectangle of noise (training sheet §11.2)."""

import numpy as np

from training.augment.randomness import Draws
from training.config import AugmentConfig

LARGEST_AREA = 1 / 3  # of the crop
SMALLEST_ASPECT = 0.3


def draw_erased(config: AugmentConfig, draws: Draws) -> np.ndarray:
    """[N] bool: which examples get a rectangle."""
    return draws.uniform("erase", 1)[:, 0] < config.erase


def erase(image: np.ndarray, random: np.random.Generator) -> None:
    """Covers a random rectangle of the [R, R, 3] uint8 crop, in place, with noise of 0..254."""
    side = image.shape[0]
    while True:
        area = random.random() * LARGEST_AREA * side**2
        aspect = SMALLEST_ASPECT + random.random() * (1 / SMALLEST_ASPECT - SMALLEST_ASPECT)
        height, width = int(np.sqrt(area * aspect)), int(np.sqrt(area / aspect))
        top, left = (random.random(2) * side).astype(int)
        if top + height <= side and left + width <= side:
            break
    image[top : top + height, left : left + width] = random.integers(0, 255, (height, width, 3), np.uint8)
