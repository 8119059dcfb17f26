"""Boxes are [x, y, w, h], one or many."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from posepile import boxes

SIDES = st.integers(-50, 50).map(float)  # whole numbers: exact
BOXES = arrays(np.float64, (3, 4), elements=SIDES).map(lambda b: np.abs(b) * [1, 1, 1, 1])


@given(BOXES)
def test_corners_and_back(box):
    np.testing.assert_array_equal(boxes.from_corners(boxes.to_corners(box)), box)


@given(BOXES, BOXES)
def test_iou_is_symmetric_and_at_most_one(a, b):
    found = boxes.iou(a, b)
    np.testing.assert_array_equal(found, boxes.iou(b, a))
    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_array_equal(boxes.iou(a, a), boxes.area(a) > 0)


def test_values_by_hand():
    box = np.array([10, 20, 4, 8])
    np.testing.assert_array_equal(boxes.centre(box), [12, 24])
    np.testing.assert_array_equal(boxes.expand(box, 2), [8, 16, 8, 16])
    np.testing.assert_array_equal(boxes.square(box), [8, 20, 8, 8])
    np.testing.assert_array_equal(boxes.side_midpoints(box), [(10, 24), (14, 24), (12, 20), (12, 28)])
    np.testing.assert_array_equal(boxes.intersection(box, [12, 0, 100, 22]), [12, 20, 2, 2])
    assert boxes.iou(box, [12, 20, 4, 8]) == 1 / 3
    assert boxes.area([0, 0, -1, 5]) == 0
    np.testing.assert_array_equal(boxes.full((640, 480)), [-0.5, -0.5, 640, 480])


def test_of_points_ignores_what_is_not_labelled():
    points = np.array([[(1, 2), (np.nan, np.nan), (5, 3)], [(np.nan, np.nan)] * 3])
    np.testing.assert_array_equal(boxes.of_points(points), [(1, 2, 4, 1), [np.nan] * 4])


def test_contains_has_two_open_sides():
    points = [(0, 0), (2, 0), (1.9, 1.9), (np.nan, 1), (-0.1, 1)]
    np.testing.assert_array_equal(boxes.contains([0, 0, 2, 2], points), [True, False, True, False, False])
