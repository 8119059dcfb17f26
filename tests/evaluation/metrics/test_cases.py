"""Every metric in every edge case equals a slow version: ties, one valid joint, reflections, zeros, NaN."""

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from evaluation import metrics

ROOT = 1
TIES = (50.0, 100.0, 125.0, 150.0)


def people(n=4, j=6):
    """[n, j, 3] whole numbers, so that distances along an axis are exact."""
    return np.random.default_rng(5).integers(-400, 400, (n, j, 3)).astype(float)


def ties():
    true = people()
    pred = true.copy()
    for i, distance in enumerate(TIES):
        pred[i, 3, i % 3] += distance  # one joint of each pose is exactly at a threshold
        pred[i, 4, 0] += 5 * i  # and at one of the discrete curves'
    return pred, true, np.ones(true.shape[:2], bool)


def only(joint):
    true = people()
    return true + 40, true, np.arange(true.shape[1]) == np.full((len(true), 1), joint)


def reflected():
    true = people()
    return true * [-1, 1, 1], true, np.ones(true.shape[:2], bool)


def zeros(both):
    true = people() * (0 if both else 1)
    return np.zeros_like(true), true, np.ones(true.shape[:2], bool)


def nan():
    """Not labelled: a joint, a root, a whole pose. Not predicted: a joint, a root, a whole pose."""
    true = people(n=7)
    pred = true + np.random.default_rng(6).normal(size=true.shape) * 60
    true[0, 2] = true[1, ROOT] = true[2] = np.nan
    pred[3, 2] = np.inf
    pred[4, ROOT] = pred[5] = np.nan
    return pred, true, np.ones(true.shape[:2], bool)


CASES = {
    "ties": ties,
    "only the root": lambda: only(ROOT),
    "only another joint": lambda: only(3),
    "reflected": reflected,
    "zero predictions": lambda: zeros(both=False),
    "zero truth, too": lambda: zeros(both=True),
    "NaN": nan,
    "nothing labelled": lambda: (people(), people(), np.zeros((4, 6), bool)),
}


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else math.nan


def flat(poses):
    return [error for pose in poses for error in pose]


def found(poses):
    return mean(error for error in flat(poses) if math.isfinite(error))


def share(errors, limit, inclusive=False):
    return 100 * mean(error < limit or (inclusive and error == limit) for error in errors)


def worst(poses):
    return [max(pose) for pose in poses]


def area(errors, limit):
    return 100 * mean(max(0, 1 - error / limit) for error in errors)


def steps_3dhp(errors):
    return mean(share(errors, 5.0 * step) for step in range(31))


def steps_3dpw(errors):
    curve = [share(errors, float(limit), inclusive=True) for limit in range(200)]
    return mean((a + b) / 2 for a, b in zip(curve[:-1], curve[1:], strict=True))


def bins_3dpw(errors):
    values = [0 if math.isinf(e) else max(0, 1 - (math.floor(50 * e / 199) + 0.5) / 50) for e in errors]
    return 100 * mean(values)


# name -> kind of distances, the metric's other arguments, the slow version of lists of errors by pose
POSES = {
    "mpjpe": ("relative", {}, found),
    "p_mpjpe": ("procrustes", {}, found),
    "n_mpjpe": ("scaled", {}, found),
    "a_mpjpe": ("absolute", {}, found),
    "auc_3dhp": ("relative", {}, lambda poses: steps_3dhp(flat(poses))),
    "auc_3dpw": ("relative", {}, lambda poses: steps_3dpw(flat(poses))),
    "auc_3dpw_binned": ("relative", {}, lambda poses: bins_3dpw(flat(poses))),
    **{
        f"{name} {limit}": (kind, {option: limit}, slow)
        for limit in TIES
        for name, kind, option, slow in (
            ("pck", "relative", "threshold", lambda poses, limit=limit: share(flat(poses), limit)),
            ("apck", "absolute", "threshold", lambda poses, limit=limit: share(flat(poses), limit)),
            ("auc", "relative", "limit", lambda poses, limit=limit: area(flat(poses), limit)),
            ("aauc", "absolute", "limit", lambda poses, limit=limit: area(flat(poses), limit)),
            ("cps", "relative", "threshold", lambda poses, limit=limit: share(worst(poses), limit)),
            ("cps_auc", "relative", "limit", lambda poses, limit=limit: area(worst(poses), limit)),
            ("ncps", "procrustes", "threshold", lambda poses, limit=limit: share(worst(poses), limit, True)),
            ("ncps_auc", "procrustes", "limit", lambda poses, limit=limit: area(worst(poses), limit)),
        )
    },
    **{
        f"{name} inclusive {limit}": (kind, {"threshold": limit, "inclusive": True}, slow)
        for limit in TIES
        for name, kind, slow in (
            ("pck", "relative", lambda poses, limit=limit: share(flat(poses), limit, True)),
            ("apck", "absolute", lambda poses, limit=limit: share(flat(poses), limit, True)),
        )
    },
}
ROOTED = ("relative", "scaled")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", POSES)
def test_metrics_of_poses(name, case, slow):
    kind, options, slow_version = POSES[name]
    data = CASES[case]()
    root = {"root": ROOT} if kind in ROOTED else {}
    fast = getattr(metrics, name.split(" ")[0])(*data, **root, **options)
    expected = slow_version(list(slow.errors(*data, kind)))
    assert fast == pytest.approx(expected, rel=1e-9, abs=1e-6, nan_ok=True)


@pytest.mark.parametrize("case", CASES)
def test_mrpe(case, slow):
    pred, true, valid = CASES[case]()
    only_root = valid & (np.arange(valid.shape[1]) == ROOT)
    expected = found(list(slow.errors(pred, true, only_root, "absolute")))
    assert metrics.mrpe(pred, true, valid, ROOT) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("case", CASES)
def test_metrics_in_the_image(case, slow):
    pred, true, valid = CASES[case]()
    flat_pred, flat_true = (x.copy() for x in (pred, true))
    for points in (flat_pred, flat_true):
        points[..., 2] = np.where(np.isfinite(points[..., 2]), 0, points[..., 2])
    poses = list(slow.errors(flat_pred, flat_true, valid, "absolute"))
    pixels = pred[..., :2], true[..., :2], valid
    assert metrics.error_2d(*pixels) == pytest.approx(found(poses), nan_ok=True)
    hits = metrics.pckh(*pixels, head_size=np.full(len(pred), 100.0))
    assert hits == pytest.approx(share(flat(poses), 50.0, inclusive=True), nan_ok=True)


@pytest.mark.parametrize("case", CASES)
def test_metrics_of_vertices(case, slow):
    """The vertices are the joints: MVE is A-MPJPE, or MPJPE at the root; MVE-PA is P-MPJPE."""
    pred, true, valid = CASES[case]()
    absolute, aligned = (
        found(list(slow.errors(pred, true, valid, kind))) for kind in ("absolute", "procrustes")
    )
    assert metrics.mve(pred, true, valid) == pytest.approx(absolute, abs=1e-9, nan_ok=True)
    assert metrics.mve_pa(pred, true, pred, true, valid, valid) == pytest.approx(
        aligned, abs=1e-6, nan_ok=True
    )
    if case not in ("only another joint", "NaN"):  # without a root MVE has no meaning
        rooted = found(list(slow.errors(pred, true, valid, "relative")))
        roots = pred[:, ROOT], true[:, ROOT]
        assert metrics.mve(pred, true, valid, *roots) == pytest.approx(rooted, abs=1e-9, nan_ok=True)


TURNS = {
    "none": np.eye(3),
    "1e-5 degrees": Rotation.from_euler("y", 1e-5, degrees=True).as_matrix(),
    "half a turn": Rotation.from_euler("x", 180, degrees=True).as_matrix(),
    "reflected": np.diag([-1.0, 1, 1]),
    "zero": np.zeros((3, 3)),
    "NaN": np.full((3, 3), np.nan),
}


@pytest.mark.parametrize("case", TURNS)
def test_angles(case):
    """Against 2 asin sqrt(|R - S|^2 / 8) with the sum written out; what is no rotation has a number, too."""
    true = Rotation.random(6, random_state=1).as_matrix().reshape(2, 3, 3, 3)
    pred = true @ TURNS[case]
    valid = np.array([[True, True, False], [True, False, True]])
    angles = []
    for n, r in np.argwhere(valid):
        square = sum((pred[n, r, a, b] - true[n, r, a, b]) ** 2 for a in range(3) for b in range(3))
        if math.isfinite(square):
            angles.append(math.degrees(2 * math.asin(min(1.0, math.sqrt(square / 8)))))
    assert metrics.mpjae(pred, true, valid) == pytest.approx(mean(angles), rel=1e-9, nan_ok=True)
    # All joints of a person turned as his rotations are: the alignment turns them back
    joints = people(n=2)
    turn = Rotation.from_euler("z", 30, degrees=True).as_matrix()
    again = metrics.mpjae_pa(turn @ pred, true, joints @ turn.T, joints, None, valid)
    assert again == pytest.approx(
        mean(angles), abs=1e-4, nan_ok=True
    )  # degrees; asin is steep at half a turn
