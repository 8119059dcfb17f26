"""Filters drop what no body can be, and nothing else."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from posepile.prepare import filters

EDGES = ((0, 1), (1, 2), (2, 3))
MEANS = np.array([200.0, 200, 0])


def test_mean_lengths_count_bones_with_both_ends():
    poses = np.zeros((3, 4, 3))
    poses[:, 1:, 0] = [[100], [300], [np.nan]]
    poses[:, 2, 1] = [0, 40, 7]
    poses[:, 3] = np.nan
    np.testing.assert_allclose(filters.mean_bone_lengths(poses, EDGES), [200, 20, 0])
    np.testing.assert_array_equal(filters.mean_bone_lengths([], EDGES), 0)


@given(length=st.floats(0, 2000), mean=st.floats(1, 1000))
def test_a_bone_is_bad_if_it_is_outside_both_limits(length, mean):
    joints = np.array([(0, 0, 0), (0, length, 0)])
    for limits, low, high, tolerance in ((filters.PILE, 0.1, 3, 150), (filters.UMPM, 0.5, 1.25, 80)):
        bad = filters.bad_bones(joints, [(0, 1)], np.array([mean]), limits)[0]
        assert bad == ((length < low * mean or length > high * mean) and abs(length - mean) > tolerance)


def test_examples_are_dropped_for_a_bad_bone_or_too_few_joints_in_the_box():
    joints = along_x(0, 200, 400)
    pixels, box = np.array([(0.0, 0), (5, 5), (9, 9), (np.nan, 1)]), np.array([0, 0, 10, 10])

    def dropped(joints=joints, pixels=pixels, **options):
        n = filters.n_joints_in_box(pixels, box)
        return n < 3 or bool(filters.bad_bones(joints, EDGES, MEANS, **options).any())

    assert not dropped()
    assert dropped(pixels=pixels + [1, 0])  # 10 is on the right side, which is outside
    assert dropped(joints=along_x(0, 200, 801))
    assert not dropped(joints=along_x(0, 200, 799))
    assert not dropped(joints=along_x(0, np.nan, 5000))


def test_umpm_loses_both_ends_of_a_bad_bone_and_keeps_the_example():
    joints = np.stack([along_x(0, 200, 481), along_x(0, 200, 479)])
    before = joints.copy()
    cleaned = filters.without_bad_bones(joints, EDGES, MEANS)
    np.testing.assert_array_equal(joints, before)
    assert np.isfinite(cleaned[0, 0]).all() and np.isnan(cleaned[0, 1:3]).all()
    np.testing.assert_array_equal(cleaned[1], before[1])
    np.testing.assert_array_equal(filters.without_bad_bones(joints[0], EDGES, MEANS), cleaned[0])


def test_limb_joints_are_known_by_how_their_names_begin():
    names = ("lank_coco", "nose_coco", "rsho", "pelv", "lwri")
    joints = np.ones((5, 2))
    joints[4, 1] = np.nan
    assert filters.n_limb_joints(joints, names) == 2


def along_x(*xs):
    """Joints 0, 1, 2 at these x, joint 3 not labelled."""
    joints = np.zeros((4, 3))
    joints[:3, 0] = xs
    joints[3] = np.nan
    return joints
