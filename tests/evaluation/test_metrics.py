"""Metrics equal slow, separately written versions, also on masked, missing, tied and degenerate poses."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from evaluation import metrics
from evaluation.alignment import procrustes_aligned

QUICK = settings(max_examples=40, deadline=None)
CASES = st.integers(0, 10_000)
ROOT = 1


@QUICK
@given(CASES)
def test_all_metrics_equal_loops(case):
    pred, true, valid = random_case(case)
    arguments = (pred, true, valid)
    close = {"rtol": 1e-12, "atol": 1e-9}  # mm; where all errors are 0, the two orders of adding leave 1e-15
    np.testing.assert_allclose(metrics.mpjpe(*arguments, ROOT), slow_mpjpe(*arguments), **close)
    np.testing.assert_allclose(metrics.a_mpjpe(*arguments), slow_mpjpe(*arguments, rooted=False), **close)
    np.testing.assert_allclose(metrics.pck(*arguments, ROOT, 100), slow_pck(*arguments, 100), rtol=1e-12)
    np.testing.assert_allclose(metrics.cps(*arguments, ROOT, 200), slow_cps(*arguments, 200), rtol=1e-12)
    # A sum over thresholds 0.1 mm apart is off by at most one step: 100 % * 0.1 / 150
    thresholds = [slow_pck(*arguments, t) for t in np.linspace(0, 150, 1501)]
    np.testing.assert_allclose(metrics.auc(*arguments, ROOT, 150), np.mean(thresholds), atol=0.067)


@QUICK
@given(CASES)
def test_procrustes_equals_a_numerical_search(case):
    rng = np.random.default_rng(case)
    pred, true = rng.normal(size=(2, 1, 6, 3)) * 200
    usable = np.array([[True] * 5 + [False]])
    moved, failed = procrustes_aligned(pred, true, usable)
    found = np.square(moved - true)[usable].sum()

    def misfit(x):
        rotation = Rotation.from_rotvec(x[:3]).as_matrix()
        scale = math.exp(min(x[3], 20.0))  # the search may try a step beyond what floats can hold
        return np.square((scale * pred[0] @ rotation + 1000 * x[4:] - true[0])[:5]).sum()

    starts = [np.r_[Rotation.random(random_state=i).as_rotvec(), -1, 0, 0, 0] for i in range(6)]
    best = min(minimize(misfit, start).fun for start in starts)
    assert not failed[0]
    assert found <= best * (1 + 1e-6)  # nothing that the search finds is better


@QUICK
@given(CASES)
def test_p_mpjpe_is_blind_to_similarities(case):
    _, true, valid = random_case(case)
    # Distinct points: where all joints of a pose coincide, there is no similarity to find
    true = np.where(np.isnan(true), 300 * np.random.default_rng(case + 1).normal(size=true.shape), true)
    rotation = Rotation.random(random_state=case).as_matrix()
    pred = 0.3 * true @ rotation + [100, -50, 4000]
    enough = valid.sum(axis=1) >= 3
    assert metrics.p_mpjpe(pred[enough], true[enough], valid[enough]) < 1e-6 or not enough.any()


def test_p_mpjpe_does_not_reflect():
    true = np.random.default_rng(0).normal(size=(1, 8, 3)) * 200
    assert metrics.p_mpjpe(true * [-1, 1, 1], true) > 50
    moved, _ = procrustes_aligned(true * [-1, 1, 1], true, np.ones((1, 8), bool), with_scale=False)
    bones = [np.linalg.norm(p[0, 1] - p[0, 0]) for p in (true, moved)]
    assert bones[0] == pytest.approx(bones[1])  # a rigid motion


def test_p_mpjpe_moves_unlabelled_joints_too_but_does_not_look_at_them():
    rng = np.random.default_rng(0)
    true = rng.normal(size=(1, 6, 3))
    rotation = Rotation.random(random_state=1).as_matrix()
    pred = 2 * true @ rotation + 5
    valid = np.array([[True] * 5 + [False]])
    spoilt = pred.copy()
    spoilt[0, 5] = np.nan
    assert metrics.p_mpjpe(spoilt, true, valid) == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(procrustes_aligned(pred, true, valid)[0], true, atol=1e-9)


@pytest.mark.parametrize("n_valid", [1, 2])
def test_too_few_joints_are_not_aligned(n_valid):
    true = np.random.default_rng(0).normal(size=(1, 5, 3)) * 100
    pred, valid = true + 30, np.arange(5)[None] < n_valid
    _, failed = procrustes_aligned(pred, true, valid)
    assert failed.tolist() == [True]
    assert metrics.p_mpjpe(pred, true, valid) == pytest.approx(30 * math.sqrt(3))


@pytest.mark.parametrize("place", [(0.0, 0.0, 0.0), (123.4, -77.7, 4321.0)])
def test_a_prediction_that_is_one_point_is_not_aligned(place):
    true = np.random.default_rng(0).normal(size=(2, 5, 3)) * 100
    pred = true.copy()
    pred[1] = place
    moved, failed = procrustes_aligned(pred, true, np.ones((2, 5), bool))
    assert failed.tolist() == [False, True]
    np.testing.assert_array_equal(moved[1], pred[1])
    assert np.isfinite(moved).all()


def test_n_mpjpe_finds_the_scale():
    true = np.random.default_rng(0).normal(size=(3, 5, 3)) * 100
    centred = true - true[:, ROOT : ROOT + 1]
    assert metrics.n_mpjpe(centred * 0.5 + 700, true, root=ROOT) == pytest.approx(0, abs=1e-9)
    assert metrics.mpjpe(centred * 0.5, true, root=ROOT) > 10
    zeros = np.zeros_like(true)
    assert metrics.n_mpjpe(zeros, true, root=ROOT) == pytest.approx(metrics.mpjpe(zeros, true, root=ROOT))


def test_thresholds_are_strict():
    true = np.zeros((1, 3, 3))
    pred = true + np.array([[[100.0, 0, 0], [0, 0, 0], [0, 99.999, 0]]])
    assert metrics.pck(pred, true, root=ROOT, threshold=100) == pytest.approx(200 / 3)
    assert metrics.cps(pred, true, root=ROOT, threshold=100) == 0
    assert metrics.cps(pred, true, root=ROOT, threshold=100.001) == 100


def test_the_root_counts():
    true = np.zeros((1, 2, 3))
    pred = np.array([[[60.0, 0, 0], [0, 0, 0]]])
    assert metrics.mpjpe(pred, true, root=1) == 30


def test_missing_predictions_are_wrong_but_not_in_the_mean():
    true = np.zeros((2, 3, 3))
    pred = np.full((2, 3, 3), 0.0)
    pred[0, 2] = np.nan
    pred[1, 0, 1] = np.inf
    distances = metrics.root_relative_distances(pred, true, root=1)
    assert metrics.coverage(distances) == pytest.approx(4 / 6)
    assert metrics.mean_distance(distances) == 0
    assert metrics.correct_joints(distances, 50) == pytest.approx(100 * 4 / 6)
    assert metrics.area_under_curve(distances, 50) == pytest.approx(100 * 4 / 6)
    assert metrics.correct_poses(distances, 50) == 0
    assert metrics.correct_poses_area(distances, 50) == 0


def test_a_missing_root_prediction_misses_the_whole_pose():
    true, pred = np.zeros((1, 3, 3)), np.zeros((1, 3, 3))
    pred[0, ROOT] = np.nan
    assert np.isinf(metrics.root_relative_distances(pred, true, root=ROOT)).all()


def test_unlabelled_poses_count_nowhere():
    true = np.zeros((3, 3, 3))
    true[1] = np.nan  # nothing labelled
    true[2, ROOT] = np.nan  # no root
    pred = np.full((3, 3, 3), 5.0)
    pred[1:] = 1e6
    assert metrics.mpjpe(pred, true, root=ROOT) == 0
    assert metrics.cps(pred, true, root=ROOT) == 100
    assert math.isnan(metrics.mpjpe(pred[1:], true[1:], root=ROOT))
    assert math.isnan(metrics.cps(pred[1:], true[1:], root=ROOT))


def test_mrpe_is_about_the_root():
    true = np.zeros((2, 3, 3))
    pred = true + [3, 4, 0]
    pred[:, 0] += 1000
    assert metrics.mrpe(pred, true, root=ROOT) == 5


def test_inputs_stay_as_they_are_and_shapes_are_checked():
    pred, true, valid = random_case(3)
    copies = pred.copy(), true.copy(), valid.copy()
    for metric in (metrics.mpjpe, metrics.p_mpjpe, metrics.n_mpjpe, metrics.cps):
        metric(pred, true, valid)
    for array, copy in zip((pred, true, valid), copies, strict=True):
        np.testing.assert_array_equal(array, copy)
    with pytest.raises(ValueError, match="expected both"):
        metrics.mpjpe(pred[:, 1:], true)
    with pytest.raises(ValueError, match="valid has shape"):
        metrics.mpjpe(pred, true, valid[1:])


def random_case(case):
    """Poses with unlabelled, masked and missing joints, among them unlabelled roots and whole poses."""
    rng = np.random.default_rng(case)
    n, j = rng.integers(1, 6), rng.integers(2, 8)
    true = rng.normal(size=(n, j, 3)) * 300
    pred = true + rng.normal(size=(n, j, 3)) * rng.choice([0, 30, 150])
    valid = rng.random((n, j)) < 0.8
    true[rng.random((n, j)) < 0.1] = np.nan
    pred[rng.random((n, j)) < 0.1] = rng.choice([np.nan, np.inf])
    valid[0, ROOT], true[0, ROOT], pred[0, ROOT] = True, 1.0, 2.0  # one pose has everything that is needed
    return pred, true, valid


def slow_errors(pred, true, valid, rooted=True):
    """One list of errors a pose; inf where the prediction is missing."""
    for p, g, m in zip(pred.tolist(), true.tolist(), valid.tolist(), strict=True):

        def good(point):
            return all(math.isfinite(x) for x in point)

        if rooted and not (m[ROOT] and good(g[ROOT])):
            continue
        errors = []
        for point, target, is_valid in zip(p, g, m, strict=True):
            if not is_valid or not good(target):
                continue
            if not good(point) or (rooted and not good(p[ROOT])):
                errors.append(math.inf)
            elif rooted:
                shift = [a - b for a, b in zip(p[ROOT], g[ROOT], strict=True)]
                errors.append(math.dist([a - s for a, s in zip(point, shift, strict=True)], target))
            else:
                errors.append(math.dist(point, target))
        if errors:
            yield errors


def slow_mpjpe(pred, true, valid, rooted=True):
    errors = [e for pose in slow_errors(pred, true, valid, rooted) for e in pose if math.isfinite(e)]
    return sum(errors) / len(errors) if errors else math.nan


def slow_pck(pred, true, valid, threshold):
    errors = [e for pose in slow_errors(pred, true, valid) for e in pose]
    return 100 * sum(e < threshold for e in errors) / len(errors)


def slow_cps(pred, true, valid, threshold):
    poses = list(slow_errors(pred, true, valid))
    return 100 * sum(max(pose) < threshold for pose in poses) / len(poses)
