"""A person keeps an id through crossings, jitter and short absences; somebody else never gets it."""

import numpy as np
from scipy.spatial.transform import Rotation

from serving.video.tracker import KEPT_S, Tracker

FPS = 30.0
BODY = np.random.default_rng(1).normal(0, 300, (17, 3))
FOCAL = 1000.0


def test_people_who_cross_keep_their_ids():
    """They pass each other at 0.6 m, one in front of the other, so that their boxes coincide."""
    tracker, seen = Tracker(), []
    for i in range(60):
        x = -1500 + 50.0 * i  # 1.5 m/s
        places = [(x, 0, 4000), (-x, 0, 4600)]
        order = [0, 1] if i % 2 else [1, 0]  # the order of detections says nothing
        ids = tracker.assign(i / FPS, *people([places[k] for k in order], seed=i))
        seen.append(tuple(ids[np.argsort(order)]))
    assert set(seen) == {seen[0]} and sorted(seen[0]) == [1, 2]


def test_the_assignment_is_best_for_all_together():
    tracker = Tracker()
    tracker.assign(0.0, *people([(0, 0, 4000), (500, 0, 4000)], jitter=0))
    # 450 is nearest to 500, but then nobody near is left for the other
    ids = tracker.assign(1 / FPS, *people([(450, 0, 4000), (950, 0, 4000)], jitter=0))
    assert ids.tolist() == [1, 2]


def test_an_absence_is_survived_up_to_its_limit():
    for missing_s, expected in ((0.9 * KEPT_S, 1), (1.1 * KEPT_S, 2)):
        tracker, time = Tracker(), 0.0
        for i in range(30):
            time = i / FPS
            tracker.assign(time, *people([(50.0 * i, 0, 4000)]))
        time += missing_s
        ids = tracker.assign(time, *people([(50 * time * FPS, 0, 4000)]))  # walked on meanwhile
        assert ids.tolist() == [expected]


def test_somebody_far_away_is_somebody_else():
    tracker = Tracker()
    assert tracker.assign(0.0, *people([(0, 0, 4000)])).tolist() == [1]
    assert tracker.assign(1 / FPS, *people([(2500, 0, 4000)])).tolist() == [2]
    assert tracker.assign(2 / FPS, *people([(0, 0, 4000), (2500, 0, 4000)])).tolist() == [1, 2]


def test_the_box_alone_keeps_an_id_when_depth_jumps():
    tracker = Tracker()
    poses, boxes = people([(0, 0, 4000)])
    tracker.assign(0.0, poses, boxes)
    assert tracker.assign(1 / FPS, poses * 1.8, boxes).tolist() == [1]  # 7.2 m away, the same in the image


def test_nobody_and_joints_without_a_place():
    tracker = Tracker()
    poses, boxes = people([(0, 0, 4000)])
    assert tracker.assign(0.0, poses[:0], boxes[:0]).tolist() == []
    poses[0, :5] = np.nan
    assert tracker.assign(1 / FPS, poses, boxes).tolist() == [1]
    assert tracker.assign(2 / FPS, *people([(0, 0, 4000)])).tolist() == [1]
    assert tracker.assign(3 / FPS, np.full((1, 17, 3), np.nan), boxes + 900).tolist() == [2]


def test_tracks_do_not_pile_up():
    tracker = Tracker()
    for i in range(300):
        tracker.assign(i / FPS, *people([(3000.0 * (-1) ** i, 0, 4000 + 30 * i)]))
    assert len(tracker._tracks) <= KEPT_S * FPS + 2


def people(places, jitter=30.0, seed=0):
    """Poses at places (mm) with noise, and their boxes in an image."""
    rng = np.random.default_rng(seed)
    turns = Rotation.from_rotvec(rng.normal(0, 0.05, (len(places), 3))).as_matrix()
    poses = BODY @ turns + np.reshape(places, (-1, 1, 3)) + rng.normal(0, jitter, (len(places), 1, 3))
    pixels = poses[..., :2] / poses[..., 2:] * FOCAL
    low, high = pixels.min(axis=1), pixels.max(axis=1)
    return poses, np.concatenate([low, high - low], axis=1)
