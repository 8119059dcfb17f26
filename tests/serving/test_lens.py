"""The lens in graphs promises OpenCV's distortion, its inverse, and no picture from beyond where it folds back."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from posepile import lens as slow
from serving import lens

MILD = (-0.12, 0.05, 0.002, -0.003, -0.01, 0.02, -0.01, 0.003, 0.001, -0.002, 0.0005, 0.001)
BARREL = (-0.3, 0.02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)  # folds back


def test_equals_opencv_for_twelve_coefficients():
    points = np.random.default_rng(0).uniform(-0.6, 0.6, (50, 2))
    homogeneous = np.concatenate([points, np.ones((50, 1))], axis=1)
    expected = cv2.projectPoints(homogeneous, np.zeros(3), np.zeros(3), np.eye(3), np.array(MILD))[0][:, 0]
    found = lens.distort(points[np.newaxis], *coefficients(MILD))[0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("lens_model", [MILD, BARREL])
def test_there_and_back_again(lens_model):
    points = np.random.default_rng(1).uniform(-0.7, 0.7, (1, 50, 2))
    back, found = lens.undistort(lens.distort(points, *coefficients(lens_model)), *coefficients(lens_model))
    np.testing.assert_allclose(back, points, rtol=0, atol=1e-8)
    assert np.all(found)


def test_no_distortion_changes_nothing():
    points = np.random.default_rng(2).uniform(-9, 9, (1, 20, 2))
    none = coefficients([0] * 12)
    np.testing.assert_array_equal(lens.distort(points, *none), points)
    np.testing.assert_array_equal(lens.undistort(points, *none)[0], points)
    assert none[1] == np.inf


@pytest.mark.parametrize("lens_model", [MILD, BARREL])
def test_the_radius_where_the_lens_folds_back(lens_model):
    expected = min(np.sqrt(slow.max_radius2(np.array(lens_model))), np.tan(np.deg2rad(88)))
    found = float(lens.largest_radius(tf.constant([lens_model], tf.float64))[0])
    if np.isfinite(found):
        angles = np.arctan([found, expected])
        assert 0 <= np.rad2deg(angles[1] - angles[0]) < 0.2  # the grid of angles, and never outside
    else:
        assert expected > 25


def test_what_lies_beyond_is_moved_to_the_edge_and_what_nothing_shows_is_told():
    c, radius = coefficients(BARREL)
    far = np.array([[[10.0, 0], [0, -3]]])
    edge = far / np.linalg.norm(far, axis=2, keepdims=True) * radius
    np.testing.assert_allclose(lens.distort(far, c, radius), lens.distort(edge, c, radius))
    _, found = lens.undistort(np.array([[[0.3, 0.1], [5.0, 0]]]), c, radius)
    assert found.numpy().tolist() == [[True, False]]


def coefficients(values):
    c = tf.constant([values], tf.float64)
    return c, lens.largest_radius(c)
