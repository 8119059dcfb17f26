"""Errors of poses: sums and counts that add up, against plain loops; known values by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from training.pose_errors import NAMES, added, means, pose_error_sums, similarity_aligned

JOINTS = ("lwri_a", "rwri_a", "pelv_a", "head_a")


def make_poses(seed=0, n=6, spread=120.0):
    rng = np.random.default_rng(seed)
    labelled = rng.normal(size=(n, len(JOINTS), 3)) * 300 + [0, 0, 4000]
    valid = rng.random((n, len(JOINTS))) < 0.8
    valid[0] = False  # nothing labelled
    return labelled + rng.normal(size=labelled.shape) * spread, labelled, valid


def test_equals_a_plain_loop():
    predicted, labelled, valid = make_poses()
    relative, absolute, wrists = [], [], []
    for p, g, v in zip(predicted, labelled, valid, strict=True):
        for j in np.flatnonzero(v):
            error = np.linalg.norm((p[j] - p[v].mean(0)) - (g[j] - g[v].mean(0)))
            relative.append(error)
            absolute.append(np.linalg.norm(p[j] - g[j]))
            if j < 2:
                wrists.append(error)
    found = means(pose_error_sums(predicted, labelled, valid, JOINTS))
    assert tuple(found) == NAMES
    assert found["mean_relative"] == pytest.approx(np.mean(relative))
    assert found["absolute"] == pytest.approx(np.mean(absolute))
    assert found["mean_relative_wrists"] == pytest.approx(np.mean(wrists))
    assert found["pck_150"] == np.mean(np.array(relative) < 150)
    # The area under the curve, by a fine sum over limits
    limits = np.linspace(0, 150, 3001)
    curve = [np.mean(np.array(relative) < limit) for limit in limits]
    assert found["auc_150"] == pytest.approx(np.mean(curve), abs=1e-3)
    assert found["pck_150_wrists"] == np.mean(np.array(wrists) < 150)


def test_worst_joints_by_hand():
    """A square scaled and turned is nothing to Procrustes; one joint of it moved is the worst one."""
    square = np.array([[-100.0, -100, 0], [100, -100, 0], [100, 100, 0], [-100, 100, 0]])
    turned = Rotation.from_rotvec([0.3, -0.2, 1.0]).apply(square) * 1.3 + [5, 6, 2000]
    found = means(pose_error_sums(turned[None], square[None], np.ones((1, 4), bool), JOINTS))
    assert found["procrustes"] == pytest.approx(0, abs=1e-9)
    assert found["ncps_150"] == 1 and found["ncps_auc"] == 1
    far = square.copy()
    far[0] += [0, 0, 1500]
    found = means(pose_error_sums(far[None], square[None], np.ones((1, 4), bool), JOINTS))
    aligned = similarity_aligned(far, square)
    worst = np.linalg.norm(aligned - square, axis=1).max()
    assert found["ncps_150"] == (worst < 150)
    assert found["ncps_auc"] == pytest.approx(np.clip((150 - worst) / 100, 0, 1))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_alignment_is_the_best_similarity_and_never_mirrors(seed):
    rng = np.random.default_rng(seed)
    pose, target = rng.normal(size=(2, 6, 3)) * 300
    best = np.sum((similarity_aligned(pose, target) - target) ** 2)
    for _ in range(5):
        turn = Rotation.random(random_state=int(rng.integers(1 << 31)))
        other = turn.apply(pose) * rng.uniform(0.1, 2)
        other += target.mean(axis=0) - other.mean(axis=0)
        assert best <= np.sum((other - target) ** 2) * (1 + 1e-9)
    mirrored = target * [-1, 1, 1]
    assert np.abs(similarity_aligned(mirrored, target) - target).max() > 1


def test_parts_add_up_to_the_whole():
    predicted, labelled, valid = make_poses(n=7)
    whole = pose_error_sums(predicted, labelled, valid, JOINTS)
    parts = added([pose_error_sums(*(a[s] for a in (predicted, labelled, valid)), JOINTS)
                   for s in (slice(0, 3), slice(3, 7))])  # fmt: skip
    for name in NAMES:
        assert parts[name] == pytest.approx(whole[name])


def test_nothing_labelled_is_nan_not_an_error():
    predicted, labelled, valid = make_poses()
    found = means(pose_error_sums(predicted, labelled, np.zeros_like(valid), JOINTS))
    assert all(np.isnan(value) for value in found.values())
