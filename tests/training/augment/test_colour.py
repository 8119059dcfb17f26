"""Colour changes promise: HSV as defined, any order, nothing for neutral amounts, the same bytes everywhere."""

import colorsys
from itertools import permutations

import numpy as np
import pytest

from training.augment.colour import CHANGES, NEUTRAL, change_colour, draw_colours
from training.augment.pixels import BRIGHTNESS, CONTRAST, HUE, SATURATION
from training.augment.randomness import Draws
from training.config import AugmentConfig

ORDERS = list(permutations(CHANGES))
SEEDS = range(len(ORDERS))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_order_agrees_with_a_slow_version(seed):
    random = np.random.default_rng(seed)
    planes = random.integers(0, 256, (4, 9, 31), np.uint8)  # neither a multiple of vectors nor of the parts
    planes[:, 0] = [[0], [255], [128], [7]]
    planes[:3, 1] = random.integers(0, 256, 31, np.uint8)  # greys have no hue
    amount = np.float32([random.uniform(-0.125, 0.125), random.uniform(0.5, 1.5), random.uniform(-72, 72),
                         random.uniform(0.5, 1.5)])  # fmt: skip
    expected = [slowly(pixel, ORDERS[seed], amount) for pixel in planes[:3].reshape(3, -1).T]
    before = planes.copy()
    change_colour(planes, np.array(ORDERS[seed]), amount)
    found = planes[:3].reshape(3, -1).T
    assert np.abs(found - np.array(expected)).max() <= 0.51  # rounding, and float32 near halves
    np.testing.assert_array_equal(planes[3], before[3])


@pytest.mark.parametrize("degrees", [-360, -180, -60, -1, 1, 300, 360])
def test_the_hue_wraps_both_ways(degrees):
    planes = np.uint8([[[250, 10, 20]], [[10, 250, 30]], [[20, 30, 250]]])
    expected = [slowly(pixel, [HUE], {HUE: degrees}) for pixel in planes.reshape(3, -1).T]
    change_colour(planes, np.array([HUE]), np.float32([0, 1, degrees, 1]))
    assert np.abs(planes.reshape(3, -1).T - np.array(expected)).max() <= 0.51


def test_without_hue_and_saturation_the_bytes_are_those_of_numpy():
    planes = np.tile(np.arange(256, dtype=np.uint8), (4, 1)).reshape(4, 16, 16)
    amount = np.float32([0.0625, 1.3, 0, 1])
    values = planes[0].astype(np.float32) * np.float32(1 / 255)
    values = (values + amount[0]) * amount[1] + np.float32(0.5) * (1 - amount[1])
    change_colour(planes, np.array([BRIGHTNESS, HUE, CONTRAST, SATURATION]), amount)
    expected = np.rint(np.clip(values, 0, 1) * np.float32(255))
    np.testing.assert_array_equal(planes[0], expected)
    np.testing.assert_array_equal(planes[2], expected)


def test_neutral_amounts_change_nothing():
    planes = np.random.default_rng(0).integers(0, 256, (4, 8, 8), np.uint8)
    before = planes.copy()
    change_colour(planes, np.array(CHANGES), np.float32(NEUTRAL))
    np.testing.assert_array_equal(planes, before)


def test_amounts_and_orders_have_the_ranges_of_the_configuration():
    colours = draw_colours(AugmentConfig(), Draws(1, 0, 4000))
    low, high = colours.amount.min(axis=0), colours.amount.max(axis=0)
    np.testing.assert_allclose(low, [-0.125, 0.5, -72, 0.5], rtol=0.02)
    np.testing.assert_allclose(high, [0.125, 1.5, 72, 1.5], rtol=0.02)
    orders, counts = np.unique(colours.order, axis=0, return_counts=True)
    assert len(orders) == 24 and 110 < counts.min() and counts.max() < 230  # 167 expected, 4.5 deviations


def slowly(pixel, order, amount):
    """One pixel [3] by the standard library, in float64; not rounded."""
    colour = [value / 255 for value in pixel.tolist()]
    for change in order:
        if change == BRIGHTNESS:
            colour = [value + float(amount[change]) for value in colour]
        elif change == CONTRAST:
            colour = [(value - 0.5) * float(amount[change]) + 0.5 for value in colour]
        else:
            hue, saturation, value = colorsys.rgb_to_hsv(*(min(max(v, 0), 1) for v in colour))
            if change == HUE:
                hue = (hue + float(amount[change]) / 360) % 1
            else:
                saturation = min(saturation * float(amount[change]), 1)
            colour = colorsys.hsv_to_rgb(hue, saturation, value)
    return [255 * min(max(value, 0), 1) for value in colour]
