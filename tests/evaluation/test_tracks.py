"""People are followed by the assignment with the largest score; gaps are filled."""

from itertools import permutations

import numpy as np
import pytest

from evaluation.tracks import closeness, follow, held


@pytest.mark.parametrize("case", range(8))
def test_assignment_against_all_permutations(case):
    rng = np.random.default_rng(case)
    n_people, n_poses = map(int, rng.integers(1, 5, size=2))
    labelled = rng.uniform(0, 300, (n_people, 1, 8, 2))
    poses, sizes = rng.uniform(0, 300, (n_poses, 8, 2)), rng.uniform(200, 600, n_poses)
    confidence = rng.choice([0.1, 0.2, 0.9], size=(n_people, 1, 8))
    confidence[:, :, 0] = 1
    chosen = follow([poses], labelled, confidence, [sizes])[:, 0]
    scores = [
        [slow_score(labelled[p, 0], confidence[p, 0], poses[d], sizes[d]) for d in range(n_poses)]
        for p in range(n_people)
    ]
    places = [*range(n_poses), *[-1] * n_people]
    best = max(
        sum(scores[p][d] for p, d in enumerate(order) if d >= 0) for order in permutations(places, n_people)
    )
    assert sum(scores[p][d] for p, d in enumerate(chosen) if d >= 0) == pytest.approx(best)
    taken = chosen[chosen >= 0].tolist()
    assert len(set(taken)) == len(taken) == min(n_people, n_poses)


def slow_score(target, confidence, pose, size):
    counted = [j for j in range(8) if confidence[j] >= 0.2]
    return sum(max(0, 1 - np.hypot(*(target[j] - pose[j])) / size) for j in counted) / len(counted)


def test_few_labels_compare_with_the_last_pose():
    labelled = np.zeros((1, 3, 8, 2))
    labelled[0, 1:] = 500  # far from where the person was
    confidence = np.ones((1, 3, 8))
    confidence[0, 1, 4:] = 0.1  # 4 joints are too few, so the last pose counts: near 10
    poses = [np.full((2, 8, 2), value) for value in (0.0, 10.0, 20.0)]
    for pose in poses:
        pose[1] += 490
    sizes = [np.full(2, 100.0)] * 3
    assert follow(poses, labelled, confidence, sizes).tolist() == [[0, 0, 1]]


def test_somebody_unknown_gets_nothing():
    confidence = np.ones((2, 1, 8))
    confidence[0] = 0
    found = follow([np.zeros((2, 8, 2))], np.zeros((2, 1, 8, 2)), confidence, [np.ones(2)])
    assert found.tolist() == [[-1], [0]]
    nobody = follow([np.zeros((0, 8, 2))], np.zeros((1, 1, 8, 2)), np.ones((1, 1, 8)), [np.zeros(0)])
    assert nobody.tolist() == [[-1]]


def test_joints_without_a_place_do_not_count():
    target, pose = np.zeros((1, 8, 2)), np.zeros((1, 8, 2))
    target[0, 0] = np.nan
    pose[0, 1] = np.nan
    pose[0, 2] = 50, 0
    assert closeness(target, pose, np.array([100.0]))[0, 0] == pytest.approx(
        5.5 / 6
    )  # one of six is half as near
    assert closeness(target, np.full((1, 8, 2), np.nan), np.array([np.nan]))[0, 0] == 0


def test_gaps():
    rows = np.array([[-1, 5, -1, -1, 7, -1], [-1] * 6, [1, 2, 3, 4, 5, 6]])
    assert held(rows).tolist() == [[5, 5, 5, 5, 7, 7], [-1] * 6, [1, 2, 3, 4, 5, 6]]
