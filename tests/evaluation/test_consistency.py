"""Disagreement between formats: zero when they agree, blind to common motion, split into depth and plane."""

import numpy as np
import pytest

from evaluation.consistency import disagreement, own_root_disagreement
from posepile.names import UnknownNameError

NAMES = ("pelv", "lwri", "pelv_h36m", "lwri_h36m", "lank_h36m", "lank_coco")
PAIRS = [("lwri", "lwri_h36m"), ("lank_h36m", "lank_coco")]
ROOTS = {
    "lwri": ["pelv"],
    "lwri_h36m": ["pelv_h36m"],
    "lank_h36m": ["pelv_h36m"],
    "lank_coco": ["pelv_h36m"],
}


def test_agreeing_formats_do_not_disagree():
    result = disagreement(agreeing(), NAMES, PAIRS)
    assert (result.total, result.depth, result.plane, result.n_pairs) == (0, 0, 0, 2)


def test_depth_and_plane_are_split():
    pred = agreeing()
    pred[:, 1] += [3, 4, -12]  # the left wrist of one format: 5 mm across, 12 mm along, 13 mm in all
    result = disagreement(pred, NAMES, PAIRS)
    assert (result.total, result.depth, result.plane) == pytest.approx((6.5, 6, 2.5))  # the other pair is 0


def test_equals_a_loop():
    pred = np.random.default_rng(0).normal(size=(7, 6, 3)) * 100
    total = [np.linalg.norm(pose[1] - pose[3]) for pose in pred] + [np.linalg.norm(p[4] - p[5]) for p in pred]
    assert disagreement(pred, NAMES, PAIRS).total == pytest.approx(np.mean(total))


def test_a_common_motion_cancels():
    pred = np.random.default_rng(0).normal(size=(7, 6, 3)) * 100
    moved = pred + np.random.default_rng(1).normal(size=(7, 1, 3)) * 1000
    assert disagreement(moved, NAMES, PAIRS).total == pytest.approx(disagreement(pred, NAMES, PAIRS).total)


def test_own_root_is_blind_to_a_shifted_format_and_to_where_roots_lie():
    true = agreeing()
    assert own_root_disagreement(true, true, NAMES, PAIRS, ROOTS).total == 0  # though the pelvises differ
    pred = true.copy()
    pred[:, :2] += [0, 0, 80]  # all of SMPL is 80 mm too far away
    assert own_root_disagreement(pred, true, NAMES, PAIRS, ROOTS).total == pytest.approx(0)
    assert disagreement(pred, NAMES, PAIRS).total == pytest.approx(40)
    pred[:, 0] -= [0, 0, 80]  # but its pelvis is not
    assert own_root_disagreement(pred, true, NAMES, PAIRS, ROOTS).depth == pytest.approx(40)


def test_missing_joints_are_left_out():
    pred = agreeing()
    pred[:, 1] += 10
    pred[0, 4] = np.nan
    result = disagreement(pred, NAMES, PAIRS)
    assert result.total == pytest.approx(10 * np.sqrt(3) * 4 / 7)  # 4 of the 7 compared distances
    assert np.isnan(disagreement(np.full((2, 6, 3), np.nan), NAMES, PAIRS).total)


def test_bad_pairs_are_refused():
    with pytest.raises(UnknownNameError, match="joint 'lwri_h36n'; valid: pelv"):
        disagreement(agreeing(), NAMES, [("lwri", "lwri_h36n")])
    with pytest.raises(ValueError, match="pairs is empty"):
        disagreement(agreeing(), NAMES, [])


def agreeing():
    """[4, 6, 3]: wrists and ankles coincide, pelvises do not."""
    pose = np.random.default_rng(0).integers(-300, 300, size=(4, 6, 3)).astype(float)
    pose[:, 3], pose[:, 5] = pose[:, 1], pose[:, 4]
    return pose
