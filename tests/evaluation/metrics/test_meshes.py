"""Angles and vertices: known turns, motions that the alignment must undo, loops."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from evaluation import metrics


def test_mpjae_equals_the_angle_of_the_relative_rotation():
    pred, true = (Rotation.random(40, random_state=i) for i in (0, 1))
    expected = np.degrees((pred.inv() * true).magnitude())
    pred, true = (r.as_matrix().reshape(10, 4, 3, 3) for r in (pred, true))
    assert metrics.mpjae(pred, true) == pytest.approx(expected.mean())
    valid = np.random.default_rng(0).random((10, 4)) < 0.5
    assert metrics.mpjae(pred, true, valid) == pytest.approx(expected.reshape(10, 4)[valid].mean())
    pred[0, 0, 1, 1] = np.nan
    assert metrics.mpjae(pred, true) == pytest.approx(expected[1:].mean())
    assert metrics.mpjae(true, true) == 0
    half_turn = true @ Rotation.from_euler("x", 180, degrees=True).as_matrix()
    assert metrics.mpjae(half_turn, true) == pytest.approx(180, abs=1e-4)
    with pytest.raises(ValueError, match=r"expected both \[N, R, 3, 3\]"):
        metrics.mpjae(pred[0], true[0])


def test_aligned_metrics_undo_a_similarity():
    rng = np.random.default_rng(0)
    joints, vertices = rng.normal(size=(2, 3, 12, 3)) * 300
    rotations = Rotation.random(12, random_state=2).as_matrix().reshape(3, 4, 3, 3)
    turn = Rotation.random(3, random_state=3).as_matrix()
    moved = [0.7 * np.einsum("nij,nkj->nki", turn, x) + [10, 20, 4000] for x in (joints, vertices)]
    turned = turn[:, None] @ rotations
    assert metrics.mpjae(turned, rotations) > 10
    assert metrics.mpjae_pa(turned, rotations, moved[0], joints) == pytest.approx(0, abs=1e-5)
    assert metrics.mve_pa(moved[1], vertices, moved[0], joints) == pytest.approx(0, abs=1e-8)
    moved[0][:, 5] = np.nan  # a joint that is not looked at
    assert metrics.mve_pa(moved[1], vertices, moved[0], joints) == pytest.approx(0, abs=1e-8)
    few = np.arange(12) < np.full((3, 1), 2)  # two joints: nothing is aligned
    arguments = moved[0], joints, few
    assert metrics.mve_pa(moved[1], vertices, *arguments) == metrics.mve(moved[1], vertices)
    assert metrics.mpjae_pa(turned, rotations, *arguments) == metrics.mpjae(turned, rotations)


def test_mve_equals_a_loop():
    rng = np.random.default_rng(1)
    pred, true = rng.normal(size=(2, 2, 7, 3)) * 100
    roots = rng.normal(size=(2, 2, 3)) * 100
    true[1, 3] = np.nan
    pairs = [(n, v) for n in range(2) for v in range(7) if (n, v) != (1, 3)]
    loop = np.mean([np.linalg.norm(pred[n, v] - true[n, v]) for n, v in pairs])
    assert metrics.mve(pred, true) == pytest.approx(loop)
    loop = np.mean([np.linalg.norm(pred[p] - roots[0, p[0]] - true[p] + roots[1, p[0]]) for p in pairs])
    assert metrics.mve(pred, true, None, *roots) == pytest.approx(loop)
    with pytest.raises(ValueError, match="both pred_root and true_root"):
        metrics.mve(pred, true, None, roots[0])
