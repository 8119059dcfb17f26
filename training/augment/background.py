"""Another place behind the person, where an example says which pixels are the person (training sheet §11.1)."""

from dataclasses import dataclass

import numpy as np

from training.augment import pixels
from training.augment.randomness import Draws

SCALES = (1.2, 1.5)
"""Size of the photo against the smallest that fills the crop."""

LARGEST_SHIFT = 0.1
"""Of the photo's middle from the crop's, in sides of the crop. With 1.2, the photo just fills the crop."""


@dataclass(frozen=True, eq=False)
class Backgrounds:
    """What comes behind the people of a batch; N examples.

    Attributes:
        chosen: [N] bool, whether there is another background.
        photo: [N] float64 in [0, 1), which photo: the place in the list of all.
        scale: [N] float64, size against the smallest that fills the crop.
        shift: [N, 2] float64, of the photo's middle from the crop's, in sides of the crop.
    """

    chosen: np.ndarray
    photo: np.ndarray
    scale: np.ndarray
    shift: np.ndarray


def draw_backgrounds(probability: np.ndarray, has_mask: np.ndarray, draws: Draws) -> Backgrounds:
    """Random backgrounds for a batch, from each example's probability [N]; none for those without a mask."""
    scale, angle, radius = draws.uniform("place of the background", 3).T
    angle, radius = 2 * np.pi * angle, LARGEST_SHIFT * np.sqrt(radius)
    return Backgrounds(
        chosen=(draws.uniform("background", 1)[:, 0] < probability) & has_mask,
        photo=draws.uniform("which background", 1)[:, 0],
        scale=SCALES[0] + scale * (SCALES[1] - SCALES[0]),
        shift=np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1),
    )


def replace_background(planes: np.ndarray, photos: np.ndarray, backgrounds: Backgrounds, i: int) -> None:
    """Puts the i-th background behind the person of planes [4, R, R] (`crop.warp_cut_out`), in place.

    Args:
        photos: [n, 3, S, S] uint8, square photos (`pictures.load_photos`).
    """
    side = planes.shape[1]
    photo = photos[int(backgrounds.photo[i] * len(photos))]
    shift_x, shift_y = backgrounds.shift[i] * side
    pixels.put_behind(planes, photo, backgrounds.scale[i] * side / photo.shape[1], shift_x, shift_y)
