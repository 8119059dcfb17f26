"""The filter follows its formula, does not depend on the axes, has no lag, and calms real motion with noise."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from posepile.synthetic import motion
from posepile.synthetic.mocap.recording import to_global, to_positions
from serving.video.one_euro import (
    CUTOFF_PER_SPEED,
    RESTING_CUTOFF_HZ,
    SPEED_CUTOFF_HZ,
    OneEuro,
    backwards,
)

FPS = 30.0


def test_is_the_formula_of_the_paper(rng):
    times = np.cumsum(rng.uniform(0.01, 0.1, 40))
    points = np.cumsum(rng.normal(0, 30, (40, 2, 3)), axis=0)
    run = OneEuro()
    results = [run(time, pose) for time, pose in zip(times, points, strict=True)]
    for joint in range(2):
        np.testing.assert_allclose([r[joint] for r in results], slowly(times, points[:, joint]), rtol=1e-9)


def slowly(times, points):
    """One joint, one number after the other."""
    result, velocity = [list(points[0])], [0.0, 0.0, 0.0]
    for before, now, point in zip(times[:-1], times[1:], points[1:], strict=True):
        weight = 1 / (1 + 1 / (2 * np.pi * SPEED_CUTOFF_HZ * (now - before)))
        for axis in range(3):
            measured = (point[axis] - result[-1][axis]) / (now - before)
            velocity[axis] = weight * measured + (1 - weight) * velocity[axis]
        cutoff = RESTING_CUTOFF_HZ + CUTOFF_PER_SPEED * sum(v * v for v in velocity) ** 0.5
        weight = 1 / (1 + 1 / (2 * np.pi * cutoff * (now - before)))
        result.append([weight * point[axis] + (1 - weight) * result[-1][axis] for axis in range(3)])
    return result


def test_does_not_depend_on_the_axes(both_ways, rng):
    times, points = np.arange(30) / FPS, np.cumsum(rng.normal(0, 20, (30, 4, 3)), axis=0)
    turn = Rotation.random(rng=rng).as_matrix()
    np.testing.assert_allclose(both_ways(times, points @ turn), both_ways(times, points) @ turn, atol=1e-9)


def test_a_steady_walk_is_not_delayed_both_ways_but_is_forwards(both_ways):
    times = np.arange(60) / FPS
    points = (times * 1400)[:, np.newaxis, np.newaxis] * [1.0, 0, 0]  # 1.4 m/s
    run = OneEuro()
    forwards = np.stack([run(time, pose) for time, pose in zip(times, points, strict=True)])
    assert (points - forwards)[30, 0, 0] > 20  # mm
    np.testing.assert_allclose(both_ways(times, points)[20:40], points[20:40], atol=1)


def test_backwards_is_the_first_of_a_run_from_the_end(rng):
    times, points = np.arange(9) / FPS, rng.normal(0, 100, (9, 2, 3))
    run = OneEuro()
    for time, pose in zip(times[::-1], points[::-1], strict=True):
        last = run(-time, pose)
    np.testing.assert_array_equal(backwards(times, points), last)


@pytest.mark.parametrize("name", ["crawl", "getup_facedown", "jump"])
def test_embedded_motion_with_noise_is_calmer(both_ways, rng, name):
    [clip] = [clip for clip in motion.clips() if (clip.name, clip.split) == (name, "train")]
    truth = positions(clip.rotations, clip.root)
    noisy = truth + rng.normal(0, 3, truth.shape)
    filtered = both_ways(np.arange(len(truth)) / clip.fps, noisy)
    assert acceleration(filtered) < 0.5 * acceleration(noisy)
    assert distance(filtered, truth) < distance(noisy, truth) + 0.5  # mm


def positions(rotations, root):
    rig = motion.rig()
    joints = to_positions(rig.parents, rig.heads, to_global(rig.parents, rotations), root)
    return joints.astype(np.float64)


def acceleration(points):
    return np.linalg.norm(np.diff(points, 2, axis=0), axis=-1).mean()


def distance(a, b):
    return np.linalg.norm(a - b, axis=-1).mean()
