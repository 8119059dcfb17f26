"""Matching promises the best assignment by IoU, within limits, and boxes around what is labelled."""

from itertools import permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from posepile import boxes
from posepile.prepare.matching import best_match, component_at, hull, joint_box, match

PERSON = np.array([100.0, 100, 50, 100])


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), n=st.integers(0, 4), m=st.integers(0, 4))
def test_the_assignment_has_the_largest_sum_of_ious(seed, n, m):
    rng = np.random.default_rng(seed)
    people, detections = rng.uniform(1, 50, (n, 4)), rng.uniform(1, 50, (m, 5))
    found = match(people, detections, min_iou=0)
    chosen = found[found >= 0]
    assert found.shape == (n,) and len(set(chosen)) == len(chosen) == min(n, m)
    iou = np.array([[boxes.iou(p, d[:4]) for d in detections] for p in people]).reshape(n, m)
    small, large = (iou, m) if n <= m else (iou.T, n)
    best = max(
        sum(small[i, j] for i, j in enumerate(order)) for order in permutations(range(large), len(small))
    )
    assert np.isclose(sum(iou[i, j] for i, j in enumerate(found) if j >= 0), best)


def test_pairs_beyond_a_limit_are_no_pairs():
    detections = np.array([[*PERSON, 0.9]])
    assert match(PERSON[np.newaxis], detections, min_iou=1) == [0]
    shifted = detections + [25, 0, 0, 0, 0]  # IoU 1/3
    assert match([PERSON], shifted, min_iou=0.33) == [0]
    assert match([PERSON], shifted, min_iou=0.34) == [-1]
    large = np.array([[100.0, 100, 100, 100, 0.5]])
    assert match([PERSON], large, min_iou=0.1, max_area_ratio=2.01) == [0]
    assert match([PERSON], large, min_iou=0.1, max_area_ratio=2) == [-1]  # less than twice
    assert match([PERSON], detections, min_iou=0.1, min_side=50) == [0]
    assert match([PERSON], detections, min_iou=0.1, min_side=51) == [-1]


def test_nobody_and_nothing_match_nothing():
    assert match(np.empty((0, 4)), np.empty((0, 5)), 0).shape == (0,)
    assert match([PERSON], [], 0) == [-1] and match([PERSON], np.empty((0, 5)), 0) == [-1]
    assert match([[np.nan] * 4], [[*PERSON, 1.0]], 0) == [-1]
    assert best_match(PERSON, []) == -1 and best_match(np.full(4, np.nan), [PERSON]) == -1


def test_the_best_detection_of_one_person():
    detections = np.array([[300.0, 0, 5, 5, 1], [110, 100, 50, 100, 0.3], [140, 100, 50, 100, 0.9]])
    assert best_match(PERSON, detections) == 1
    assert best_match(PERSON, detections, min_iou=0.7) == -1
    assert best_match(PERSON, detections[:1]) == 0  # some data sets take any detection
    assert best_match(PERSON, detections[:1], min_iou=0.01) == -1


def test_the_box_of_joints_grows_about_its_centre_and_is_cut():
    joints = np.array([(10.0, 20), (30, 60), (np.nan, 1000), (20, 30)])
    np.testing.assert_array_equal(joint_box(joints), [10, 20, 20, 40])
    np.testing.assert_array_equal(joint_box(joints, 2), [0, 0, 40, 80])
    np.testing.assert_array_equal(joint_box(joints, 2, (35, 50)), [0, 0, 35, 50])
    assert joint_box(joints + 100, 1, (50, 50))[2:].tolist() == [0, 0]
    assert np.isnan(joint_box(np.full((3, 2), np.nan), 1, (50, 50))).all()


def test_the_hull_holds_all_boxes():
    np.testing.assert_array_equal(hull([0, 0, 1, 1], [5, -2, 1, 1], [2, 2, 2, 2]), [0, -2, 6, 6])
    np.testing.assert_array_equal(hull(np.zeros((3, 4)), [1, 1, 1, 1]), [[0, 0, 2, 2]] * 3)


def test_the_part_of_a_mask_at_a_box():
    mask = np.zeros((60, 60))
    mask[5:25, 5:15] = 9
    mask[25:40, 15:30] = 1  # touches at a corner only
    mask[50, 50] = 1
    part = component_at(mask, np.array([4.0, 4, 12, 22]))
    np.testing.assert_array_equal(part, (mask == 9))
    assert component_at(mask, np.array([14.0, 24, 17, 17])).sum() == 15 * 15
    assert not component_at(np.zeros((4, 4)), PERSON).any()
