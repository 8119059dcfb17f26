"""Things in front of the person: pasted objects, or a rectangle of noise (training sheet §11.2).

A coin decides for each example which of the two may come; each then comes with its own probability.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from training.augment import pixels
from training.augment.pictures import CutOuts
from training.augment.randomness import Draws
from training.config import AugmentConfig

LARGEST_AREA = 1 / 3  # of the crop
SMALLEST_ASPECT = 0.3
MOST_OBJECTS = 6
SCALES = (0.2, 1.0)
NOMINAL_SIDE = 256  # px, of the crop in which the largest scale leaves a cut-out as it is


@dataclass(frozen=True, eq=False)
class Occlusions:
    """What covers the examples of a batch: [N] bool each, and never both for one example."""

    objects: np.ndarray
    erased: np.ndarray


def draw_occlusions(config: AugmentConfig, draws: Draws) -> Occlusions:
    """Which examples of a batch get objects, and which a rectangle."""
    may_get_objects = draws.uniform("kind of occlusion", 1)[:, 0] < 0.5
    objects = draws.uniform("objects", 1)[:, 0] < config.objects
    erased = draws.uniform("erase", 1)[:, 0] < config.erase
    return Occlusions(objects & may_get_objects, erased & ~may_get_objects)


def paste_objects(planes: np.ndarray, cut_outs: CutOuts, random: np.random.Generator) -> None:
    """Pastes 1 to 6 cut-outs of random size into uint8 planes [>= 3, R, R], in place; centres are uniform."""
    side, count = planes.shape[1], random.integers(1, MOST_OBJECTS, endpoint=True)
    for which, size, x, y in random.random((count, 4)).tolist():
        scale = (SCALES[0] + size * (SCALES[1] - SCALES[0])) * side / NOMINAL_SIDE
        picture, scale = cut_outs.at_scale(int(which * len(cut_outs)), scale)
        height, width = (max(1, round(length * scale)) for length in picture.shape[:2])
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
        parts = np.empty((4, height, width), np.uint8)
        cv2.split(picture, list(parts))
        pixels.paste(planes, parts, round(x * side - width / 2), round(y * side - height / 2))


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
    noise = np.frombuffer(
        bytearray(random.bytes(3 * height * width)), np.uint8
    )  # faster than integers below 255
    too_large = noise == 255
    noise[too_large] = random.integers(0, 255, np.count_nonzero(too_large), np.uint8)
    image[top : top + height, left : left + width] = noise.reshape(height, width, 3)
