"""Test-time augmentation promises the schedules of the serving sheet, for every number of crops."""

import numpy as np
import pytest
import tensorflow as tf

from serving.augmentation import schedule

# number of crops: gamma, angle in degrees, scale, flip (serving sheet, 3.5)
TABLE = {
    1: ([0.8], [0], [1.05], [0]),
    2: ([0.6, 1], [-25, 25], [0.8, 1.05], [1, 0]),
    3: ([0.6, 0.8, 1], [-25, 0, 25], [0.8, 1, 1.1], [1, 0, 1]),
    4: ([0.6, 0.73333, 0.86667, 1], [-25, -8.33333, 8.33333, 25], [0.8, 0.9, 1, 1.1], [0, 1, 0, 1]),
    5: ([0.6, 0.7, 0.8, 0.9, 1], [-25, -12.5, 0, 12.5, 25], [0.8, 0.9, 1, 1.05, 1.1], [0, 1, 0, 1, 0]),
}


@pytest.mark.parametrize("count", TABLE)
def test_the_table_of_the_sheet(count):
    found = schedule(tf.constant(count))
    gamma, degrees, scale, flip = TABLE[count]
    np.testing.assert_allclose(found.gamma, gamma, atol=1e-5)
    np.testing.assert_allclose(np.rad2deg(found.angle), degrees, atol=1e-3)
    np.testing.assert_allclose(found.scale, scale, atol=1e-5)
    np.testing.assert_array_equal(found.flip, np.array(flip, bool))


def test_people_in_all_positions():
    np.testing.assert_allclose(
        np.rad2deg(schedule(tf.constant(4), turns="all").angle), [-135, -45, 45, 135], 1e-5
    )
    np.testing.assert_allclose(schedule(tf.constant(1), turns="all").angle, [0], atol=1e-6)
    half = np.rad2deg(schedule(tf.constant(4), rotation_deg=20, turns="half").angle)
    np.testing.assert_allclose(half, [-90, -20, 20, 90], 1e-5)


@pytest.mark.parametrize("turns", ["upright", "all", "half"])
def test_every_number_of_crops_has_as_many_changes(turns):
    for count in range(1, 12):
        assert {len(change) for change in schedule(tf.constant(count), turns=turns)} == {count}
