"""Every metric of poses equals loops over single joints, and the worked examples of the evaluation sheet."""

import math

import numpy as np
import pytest

from evaluation import metrics

ROOT = 1
TRUE = np.array([[[0, 0, 0], [100, 0, 0], [0, 200, 0], [0, 0, 300]]], float)
PRED = TRUE + [[[0, 0, 0], [60, 0, 0], [0, 0, 0], [0, 0, -250]]]  # off by 0, 60, 0 and 250 mm


@pytest.mark.parametrize("case", range(60))
def test_all_metrics_equal_loops(case, slow):
    data = slow.random_case(case)
    rel, abs_, pa, scaled = (
        list(slow.errors(*data, kind)) for kind in ("relative", "absolute", "procrustes", "scaled")
    )
    expected = [
        (metrics.mpjpe(*data, ROOT), mean(finite(rel))),
        (metrics.p_mpjpe(*data), mean(finite(pa))),
        (metrics.n_mpjpe(*data, ROOT), mean(finite(scaled))),
        (metrics.a_mpjpe(*data), mean(finite(abs_))),
        (metrics.pck(*data, ROOT, 60), share(e < 60 for e in flat(rel))),
        (metrics.apck(*data, 60), share(e < 60 for e in flat(abs_))),
        (metrics.auc(*data, ROOT, 150), 100 * mean(max(0, 1 - e / 150) for e in flat(rel))),
        (metrics.aauc(*data, 150), 100 * mean(max(0, 1 - e / 150) for e in flat(abs_))),
        (metrics.auc_3dhp(*data, ROOT), mean(share(e < 5 * t for e in flat(rel)) for t in range(31))),
        (metrics.auc_3dpw(*data, ROOT), trapezoid([share(e <= t for e in flat(rel)) for t in range(200)])),
        (metrics.auc_3dpw_binned(*data, ROOT), 100 * mean(binned(e) for e in flat(rel))),
        (metrics.cps(*data, ROOT, 90), share(max(pose) < 90 for pose in rel)),
        (metrics.cps_auc(*data, ROOT, 200), 100 * mean(max(0, 1 - max(pose) / 200) for pose in rel)),
        (metrics.ncps(*data, 90), share(max(pose) <= 90 for pose in pa)),
        (metrics.ncps_auc(*data), 100 * mean(max(0, 1 - max(pose) / 300) for pose in pa)),
    ]
    for found, wanted in expected:
        assert found == pytest.approx(wanted, rel=1e-9, abs=1e-6, nan_ok=True)


@pytest.mark.parametrize("case", range(20))
def test_a_root_between_joints_equals_loops(case, slow):
    pred, true, valid = slow.random_case(case)
    errors = list(slow.errors(pred, true, valid, "relative", root=(1, 2)))
    assert metrics.mpjpe(pred, true, valid, [1, 2]) == pytest.approx(mean(finite(errors)), abs=1e-9)
    assert metrics.cps(pred, true, valid, (1, 2), 80) == pytest.approx(share(max(e) < 80 for e in errors))
    errors = list(slow.errors(pred, true, valid, "scaled", root=(1, 2)))
    assert metrics.n_mpjpe(pred, true, valid, [1, 2]) == pytest.approx(mean(finite(errors)), abs=1e-9)
    # The distance of the roots is the absolute error of a joint that is put where the root is
    joined = [np.concatenate([x, x[:, 1:3].mean(axis=1, keepdims=True)], axis=1) for x in (pred, true)]
    both = np.concatenate([valid, valid[:, 1:3].all(axis=1, keepdims=True)], axis=1)
    only_root = both & (np.arange(both.shape[1]) == both.shape[1] - 1)
    errors = list(slow.errors(*joined, only_root, "absolute"))
    assert metrics.mrpe(pred, true, valid, [1, 2]) == pytest.approx(mean(finite(errors)))


def test_worked_example_of_the_sheet():
    assert metrics.mpjpe(PRED, TRUE) == 77.5
    assert metrics.pck(PRED, TRUE, threshold=50) == 50 and metrics.pck(PRED, TRUE, threshold=100) == 75
    assert metrics.auc(PRED, TRUE, limit=100) == pytest.approx(60)
    assert metrics.cps(PRED, TRUE, threshold=200) == 0
    assert metrics.cps_auc(PRED, TRUE, limit=300) == pytest.approx(100 / 6)
    assert metrics.n_mpjpe(PRED, TRUE) == pytest.approx(80.8003, abs=1e-4)
    assert metrics.p_mpjpe(PRED, TRUE) == pytest.approx(86.1478, abs=1e-4)
    assert metrics.p_mpjpe(TRUE * [-1, 1, 1], TRUE) == pytest.approx(55.0938, abs=1e-4)  # 0 if reflected


def test_ties_at_the_threshold():
    true, pred = np.zeros((1, 2, 3)), np.array([[[0, 0, 0], [0, 0, 150.0]]])
    assert metrics.pck(pred, true, threshold=150) == 50
    assert metrics.pck(pred, true, threshold=150, inclusive=True) == 100
    assert metrics.apck(pred, true, threshold=150) == 50
    assert metrics.apck(pred, true, threshold=150, inclusive=True) == 100
    assert metrics.cps(pred, true, threshold=150) == 0
    assert metrics.ncps(pred, true, threshold=150) == 100  # two joints are not aligned


def test_ncps_looks_at_the_chosen_joints_and_aligns_all(slow):
    pred, true, _ = slow.random_case(4)
    pred, true = np.nan_to_num(pred, posinf=9.0), np.nan_to_num(true)
    errors = list(slow.errors(pred, true, np.ones(true.shape[:2], bool), "procrustes"))
    worst = [max(pose[1], pose[3]) for pose in errors]
    middle = float(np.median(worst)) + 1e-6
    assert metrics.ncps(pred, true, threshold=middle, joints=[1, 3]) == share(w <= middle for w in worst)
    expected = 100 * mean(max(0, 1 - w / 300) for w in worst)
    assert metrics.ncps_auc(pred, true, joints=[1, 3]) == pytest.approx(expected)


def test_unaligned_poses_are_counted():
    true = np.random.default_rng(0).normal(size=(5, 4, 3)) * 100
    pred, valid = true + 1, np.ones((5, 4), bool)
    pred[0] = 0  # one point
    valid[1] = [True, True, False, False]  # too few
    valid[2] = False  # not labelled at all: not a pose
    pred[3, 0] = 1e200  # too large to be squared
    assert metrics.unaligned_poses(pred, true, valid) == 3
    assert metrics.p_mpjpe(pred[:1], true[:1]) == pytest.approx(np.linalg.norm(true[0], axis=-1).mean())


def test_blocks_do_not_show(monkeypatch, slow):
    pred, true, valid = slow.random_case(3)
    names = ("root_relative", "absolute", "procrustes", "scaled", "mean_relative")
    functions = [getattr(metrics, f"{name}_distances") for name in names]
    whole = [function(pred, true, valid) for function in functions]
    monkeypatch.setattr("evaluation.metrics.distances.BLOCK", 1)
    for function, expected in zip(functions, whole, strict=True):
        np.testing.assert_array_equal(function(pred, true, valid), expected)
    assert metrics.root_relative_distances(pred[:0], true[:0]).shape == (0, pred.shape[1])
    assert math.isnan(metrics.p_mpjpe(pred[:0], true[:0]))


def flat(poses):
    return [e for pose in poses for e in pose]


def finite(poses):
    return [e for e in flat(poses) if math.isfinite(e)]


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else math.nan


def share(flags):
    return 100 * mean(flags)


def trapezoid(curve):
    return sum((a + b) / 2 for a, b in zip(curve[:-1], curve[1:], strict=True)) / (len(curve) - 1)


def binned(error):
    return max(0, 1 - (math.floor(50 * error / 199) + 0.5) / 50) if math.isfinite(error) else 0
