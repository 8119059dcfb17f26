"""Masks are COCO run-length codes, the same as pycocotools', and move with the camera like points."""

import numpy as np
import pytest
from pycocotools import mask as coco

from posepile import boxes, masks
from posepile.cameras import Camera


def test_codes_are_those_of_pycocotools():
    mask = np.random.default_rng(0).random((13, 7)) < 0.5
    rle = masks.encode(mask)
    expected = coco.encode(np.asfortranarray(mask.view(np.uint8)))
    assert (list(rle["size"]), rle["counts"]) == (expected["size"], expected["counts"])
    np.testing.assert_array_equal(masks.decode(rle), mask)
    assert masks.area(rle) == mask.sum()


def test_the_box_reaches_the_outer_corners():
    mask = np.zeros((20, 30), bool)
    mask[3:8, 10:20] = True
    np.testing.assert_array_equal(masks.box(masks.encode(mask)), [9.5, 2.5, 10, 5])
    np.testing.assert_array_equal(masks.box(masks.encode(np.ones((20, 30)))), boxes.full((30, 20)))


def test_a_shifted_camera_shifts_the_mask():
    mask = np.zeros((20, 30), bool)
    mask[3:8, 10:20] = True
    camera = Camera([[50, 0, 15], [0, 50, 10], [0, 0, 1]])
    shifted = masks.decode(masks.warp(masks.encode(mask), camera, camera.shifted((2, 5)), (40, 25)))
    expected = np.zeros((25, 40), bool)
    expected[8:13, 12:22] = True
    np.testing.assert_array_equal(shifted, expected)


def test_damaged_codes_and_wrong_shapes_are_refused():
    with pytest.raises(ValueError):
        masks.area({"size": [10, 10], "counts": b"\x00"})
    with pytest.raises(ValueError, match="shape"):
        masks.encode(np.zeros((2, 2, 3)))
