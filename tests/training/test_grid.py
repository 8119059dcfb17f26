"""The crop's geometry: the sheet's constants, moved to pixel centres at integers."""

import numpy as np
import pytest
from keras import ops

from training.grid import CropGrid


@pytest.mark.parametrize(("side", "last"), [(256, 224), (384, 352)])
def test_constants_of_the_sheet(side, last):
    grid = CropGrid(side, stride=32, first_centre=16.0)
    assert grid.last == last
    np.testing.assert_allclose(grid.unit_to_pixels(np.float32([0, 1])), [16, last + 16])


def test_metres_per_px_at_256():
    assert CropGrid(256, 32, 16.0).metres_per_px == pytest.approx(0.00859, abs=5e-6)


def test_field_of_view_is_inclusive_and_symmetric():
    grid = CropGrid(256, stride=32, first_centre=15.5)
    x = np.float32([23.4, 23.5, 127.5, 231.5, 231.6])
    inside = ops.convert_to_numpy(grid.inside_fov(np.stack([x, 255 - x], axis=-1)))
    assert inside.tolist() == [False, True, True, True, False]
    for outside in ([-641.0, 100.0], [100.0, 896.0]):
        assert not grid.inside_label_range(np.float32(outside))
    assert grid.inside_label_range(np.float32([-640.0, 895.0]))


def test_metric_axes_use_the_same_scale():
    grid = CropGrid(128, stride=16, first_centre=7.5, box_size_mm=2200)
    metric = ops.convert_to_numpy(grid.unit_to_metric(np.float32([[0, 1, 0], [1, 0, 1]])))
    np.testing.assert_allclose(metric[1] - metric[0], [1925, -1925, 2200], atol=0.01)
