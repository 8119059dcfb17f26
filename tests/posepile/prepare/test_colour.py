"""Colours: linear light and back without loss, white balance as a formula on Lab, brightening."""

import cv2
import numpy as np
import pytest

from posepile.prepare import colour

RAMP = np.repeat(np.arange(256, dtype=np.uint8)[np.newaxis, :, np.newaxis], 3, axis=2)


def test_every_level_survives_linear_light():
    np.testing.assert_array_equal(colour.from_linear_light(cv2.LUT(RAMP, colour.linear_light_table())), RAMP)


@pytest.mark.parametrize("exponent", [1 / 2.2, 0.67 / 2.2])
def test_the_table_truncates_like_the_power(exponent):
    light = np.random.default_rng(0).uniform(-0.1, 1.1, 20_000).astype(np.float32) ** 3
    exact = 255 * np.clip(light.astype(float), 0, 1) ** exponent
    found = colour.from_linear_light(light.reshape(1, -1), exponent)[0]
    clear = np.abs(exact - np.rint(exact)) > 0.03  # the table is this fine, also where the power is steep
    np.testing.assert_array_equal(found[clear], np.floor(exact[clear]))


@pytest.mark.parametrize("cast, a_per_light, b_per_light", [
    (colour.TDHP_CAST, 18 * 1.1, -17 * 1.1),
    (colour.PANOPTIC_CAST, 8.8, -11),
])  # fmt: skip
def test_white_balance_shifts_lab_with_lightness(cast, a_per_light, b_per_light):
    image = np.random.default_rng(0).integers(60, 190, (20, 30, 3), np.uint8)
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(float)
    lab[..., 1] += a_per_light * lab[..., 0] / 255
    lab[..., 2] += b_per_light * lab[..., 0] / 255
    expected = cv2.cvtColor(np.rint(lab).clip(0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)
    balanced = colour.white_balanced(image, cast)
    assert np.abs(balanced.astype(int) - expected).max() <= 4  # a tie may round to the other Lab level
    assert (balanced != expected).mean() < 0.01


def test_white_balance_makes_the_cast_neutral_and_leaves_neutral_casts_alone():
    lab = np.full((4, 4, 3), (230, 112, 144), np.uint8)
    cast = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
    balanced = colour.white_balanced(cast, colour.TDHP_CAST).astype(int)
    assert np.ptp(balanced, axis=2).max() < 8 < np.ptp(cast.astype(int), axis=2).min()
    unchanged = colour.white_balanced(RAMP, (128, 128))
    assert np.abs(unchanged.astype(int) - RAMP).max() <= 1  # 8-bit Lab there and back
