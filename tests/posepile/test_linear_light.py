"""Linear light promises what the formula gives, for every pixel value, there and back."""

import numpy as np
import tensorflow as tf

from posepile import linear_light

VALUES = np.arange(256, dtype=np.uint8)


def test_all_pixel_values():
    found = linear_light.decode(tf.constant(VALUES)).numpy()
    np.testing.assert_allclose(found, (VALUES / 255) ** 2.2, rtol=2e-6)  # float32; 0 is 0
    assert found.dtype == np.float32
    again = linear_light.power(found, 1 / linear_light.GAMMA)
    np.testing.assert_allclose(again, VALUES / np.float32(255), rtol=2e-6)
