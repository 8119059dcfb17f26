"""Backgrounds promise: they come behind the person, fill the crop, and only where a mask says who the person is."""

import numpy as np
import pytest

from training.augment.background import draw_backgrounds, replace_background
from training.augment.randomness import Draws

SIDE, SIDE_OF_PHOTO = 20, 30


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_a_slow_version(seed):
    random = np.random.default_rng(seed)
    planes = random.integers(0, 256, (4, SIDE, SIDE), np.uint8)
    planes[3, :5], planes[3, 5:8] = 0, 255
    photos = random.integers(0, 256, (3, 3, SIDE_OF_PHOTO, SIDE_OF_PHOTO), np.uint8)
    drawn = draw_backgrounds(np.ones(4), np.ones(4, bool), Draws(seed, 0, 4))
    expected = slowly(planes, photos, drawn, 2)
    person = planes[:3, 5:8].copy()
    replace_background(planes, photos, drawn, 2)
    assert np.abs(planes[:3] - expected).max() <= 0.51  # rounding
    np.testing.assert_array_equal(planes[:3, 5:8], person)


def test_the_photo_fills_the_crop():
    drawn = draw_backgrounds(np.ones(5000), np.ones(5000, bool), Draws(1, 0, 5000))
    assert 1.2 <= drawn.scale.min() < 1.21 and 1.49 < drawn.scale.max() <= 1.5
    assert 0.098 < np.linalg.norm(drawn.shift, axis=1).max() <= 0.1
    side, photo = 256, 384
    for ends in (np.zeros(2), np.full(2, side - 1.0)):
        places = (ends - (side - 1) / 2 - drawn.shift * side) / (drawn.scale[:, None] * side / photo)
        places += (photo - 1) / 2
        assert places.min() >= 0 and places.max() <= photo - 1


def test_only_examples_with_a_mask_and_as_often_as_their_store_says():
    probability, has_mask = np.repeat([0.7, 0.2, 1.0], 2000), np.ones(6000, bool)
    has_mask[4000:] = False
    chosen = draw_backgrounds(probability, has_mask, Draws(3, 0, 6000)).chosen
    assert 0.66 < chosen[:2000].mean() < 0.74 and 0.16 < chosen[2000:4000].mean() < 0.24  # 4 deviations
    assert not chosen[4000:].any()


def slowly(planes, photos, drawn, i):
    """[3, R, R] float64, pixel by pixel."""
    photo = photos[int(drawn.photo[i] * len(photos))].astype(float)
    scale, result = drawn.scale[i] * SIDE / SIDE_OF_PHOTO, np.empty((3, SIDE, SIDE))
    for y in range(SIDE):
        for x in range(SIDE):
            middle = np.array([x, y]) - (SIDE - 1) / 2 - drawn.shift[i] * SIDE
            u, v = middle / scale + (SIDE_OF_PHOTO - 1) / 2
            left, top = int(u), int(v)
            around = photo[:, top : top + 2, left : left + 2]
            behind = np.array([1 - (v - top), v - top]) @ around @ np.array([1 - (u - left), u - left])
            alpha = planes[3, y, x] / 255
            result[:, y, x] = alpha * planes[:3, y, x] + (1 - alpha) * behind
    return result
