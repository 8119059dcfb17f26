"""Random views of a person: part of the box, shift, zoom, roll, mirror image (training sheet §2, §11)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.augment.randomness import Draws
from training.config import AugmentConfig

_ATTEMPTS = 16  # of the random part of the box; 0.1 % of the examples find none and keep their box


@dataclass(frozen=True, eq=False)
class ViewChanges:
    """How the crops of a batch differ from plain ones; N examples.

    Attributes:
        part: [N, 3] float64 (x, y, side), the part of the squared box that is used, in units of its side.
        shift: [N, 2] float64, of the box centre, in units of the box's longer side.
        zoom: [N] float64, factor on the focal length.
        roll: [N] float64 radians, turn of the camera about its axis.
        flip: [N] bool, whether the crop is the mirror image.
    """

    part: np.ndarray
    shift: np.ndarray
    zoom: np.ndarray
    roll: np.ndarray
    flip: np.ndarray


def no_changes(batch_size: int, *, flip: bool = False) -> ViewChanges:
    """Plain crops, as for validation and prediction; or all of them mirrored."""
    return ViewChanges(
        part=np.tile([0.0, 0.0, 1.0], (batch_size, 1)),
        shift=np.zeros((batch_size, 2)),
        zoom=np.ones(batch_size),
        roll=np.zeros(batch_size),
        flip=np.full(batch_size, flip),
    )


def draw_changes(config: AugmentConfig, draws: Draws, stores: Sequence[str] = ()) -> ViewChanges:
    """Random changes for a batch of training examples.

    `stores` [N]: the data set of each example; without, no data set has a probability of its own.
    """
    angle_radius = draws.uniform("shift", 2)
    angle = np.pi * (2 * angle_radius[:, 0] - 1)
    radius = config.shift * np.sqrt(angle_radius[:, 1])
    zoom = draws.uniform("zoom", 1)[:, 0]
    roll = draws.uniform("roll", 1)[:, 0]
    of_part = [config.probability("partial_visibility", store) for store in stores]
    return ViewChanges(
        part=_draw_part(np.array(of_part or config.partial_visibility), draws),
        shift=np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1),
        zoom=config.zoom_min + zoom * (config.zoom_max - config.zoom_min),
        roll=np.deg2rad(config.roll_deg) * (2 * roll - 1),
        flip=draws.uniform("flip", 1)[:, 0] < config.flip,
    )


def _draw_part(probability: np.ndarray, draws: Draws) -> np.ndarray:
    """[N, 3]: a square with a side of 0.5 to 1 inside the unit square, or all of it."""
    part = np.tile([0.0, 0.0, 1.0], (draws.batch_size, 1))
    if not probability.any():
        return part
    chosen = draws.uniform("partial visibility", 1)[:, 0] < probability
    low, right, bottom = np.moveaxis(
        draws.uniform("part of the box", 3 * _ATTEMPTS).reshape(-1, _ATTEMPTS, 3), 2, 0
    )
    left, right, bottom = low / 2, (1 + right) / 2, (1 + bottom) / 2
    side = right - left
    fits = (side > 0.5) & (side < bottom)
    chosen &= fits.any(axis=1)
    rows, first = np.flatnonzero(chosen), fits.argmax(axis=1)[chosen]
    side = side[rows, first]
    part[rows] = np.stack([left[rows, first], bottom[rows, first] - side, side], axis=1)
    return part
